"""Describes what names reach for the first time; if there is too much of that for one look, the rest is postponed."""

from __future__ import annotations

from typing import Any, Collection

from .budget import Budget
from .describer import Describer
from .mentions import Touched
from .postponed import AT_ATTACH, Postponed
from .walk import MOST_DEPTH, NamespaceWalk, root_of

LEAST_PER_LOOK = 16
"""Models that a look describes even if it has no time for them."""


class Newcomers:
    """Describes the models that are new to it."""

    def __init__(self, describer: Describer) -> None:
        self._describer = describer
        self.postponed = Postponed()

    def describe(self, walk: NamespaceWalk, touched: Touched | None, seconds: float) -> None:
        """Describe what names reach for the first time, and what only a visit can compare.

        Args:
            seconds: how long.
        """
        visits_all = self._describer.visits_all
        described, budget, is_over = 0, Budget(seconds), False
        for name in self._in_turn(walk, touched):
            obj = walk.names[name]
            token = self._describer.tokens.of(obj)
            tracked = self._describer.tracked.get(token)
            is_new = tracked is None or tracked.record is None
            is_over = is_over or (described >= LEAST_PER_LOOK and budget.is_spent())
            if is_new and is_over:
                self._postpone(name, token, walk)
            elif tracked is None or is_new or tracked.owed or visits_all or not tracked.names:
                described += is_new
                self._describe_first(name, token, obj)
        self.postponed.end()

    def _in_turn(self, walk: NamespaceWalk, touched: Touched | None) -> list[str]:
        """The names, if there may be too many for one look: those first that a cell can have touched, then one of each
        global in turn, so that a global with many leaves time for the others."""
        if len(walk.names) <= LEAST_PER_LOOK:
            return list(walk.names)
        words: Collection[str] = () if touched is None else touched.words
        turns: dict[str, int] = {}
        order: dict[str, int] = {}
        for name in walk.names:
            root = root_of(name)
            turns[root] = turn = turns.get(root, 0) + 1
            order[name] = 0 if root in words else turn
        return sorted(order, key=order.__getitem__)

    def _postpone(self, name: str, token: int, walk: NamespaceWalk) -> None:
        walk.postpone(name)
        self.postponed.add(name, token, self._describer.run)
        self._describer.cut.append(f"{name}: no time left to look at it")

    def _describe_first(self, name: str, token: int, obj: Any) -> None:
        """Describe what a name reaches; if it was postponed, with what is known of when it came there."""
        since = self.postponed.describe(name, token)
        self._describer.known_as = AT_ATTACH if since == 0 else ""
        self._describer.describe(obj, MOST_DEPTH)
        self._describer.known_as = ""
        facts = self._describer.objects.get(token)
        if since and facts is not None:
            self._describer.objects[token] = {**facts, "since": since}
