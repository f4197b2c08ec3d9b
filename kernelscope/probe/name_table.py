"""Which name reaches which model, as the looks have found it, and which names a budget keeps them from."""

from __future__ import annotations

from typing import Mapping

from .tracked import TrackedObject
from .walk import NamespaceWalk, root_of


class NameTable:
    """The names of the last look."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        """By name, the token of the model that it reaches."""
        self.reached_again = False
        """The last look reached a name that an earlier one had not: what it found may be older."""
        self._before: dict[str, int] = {}
        self.resends_all = False
        """Every name is reported in the next look, also those that hold what they held."""
        self._out_of_reach: set[str] = set()
        """Names whose model is gone, and which no look has reached since."""
        self._was_full = False
        """The last look left something out because there was too much."""

    def resend_all(self) -> None:
        """Report every name in the next look, and those that are gone by then."""
        self.resends_all = True
        self.tokens = {**self._before, **self.tokens}

    def mark_reported(self) -> None:
        """What the last look found was reported."""
        self._before = self.tokens

    def compare(
        self, names: dict[str, int], walk: NamespaceWalk, tracked: Mapping[int, TrackedObject]
    ) -> tuple[dict[str, int | None], list[str]]:
        """Names that hold something else than before, and those among them of which it is not known what; keeps ``names``."""
        changed: dict[str, int | None] = {
            n: t for n, t in names.items() if self.resends_all or self.tokens.get(n) != t
        }
        self.reached_again = not self._out_of_reach.isdisjoint(names) or (
            # What was not reached by then may have been there before this run.
            self._was_full and any(n not in self.tokens and root_of(n) != n for n in changed)
        )
        self._was_full = walk.is_full or walk.has_too_many
        self._out_of_reach = {n for n in self._out_of_reach if walk.may_hide(n)} - set(names)
        unreached = []
        for name, token in self.tokens.items():
            if name in names:
                continue
            known, may_hide = tracked.get(token), walk.may_hide(name)
            is_unreadable = name in walk.unreadable
            if may_hide and not is_unreadable and known is not None and not known.is_dead():
                names[name] = token  # what was not looked at is not gone
                continue
            changed[name] = None
            # fault: 99a
            if may_hide or is_unreadable:
                unreached.append(name)  # its model is gone because the name got another one, or none
        self._out_of_reach.update(unreached)
        self._before = self.tokens
        self.tokens = names
        self.resends_all = False
        return changed, unreached

    def keep(self) -> None:
        """Nothing has changed since the last look."""
        self.reached_again = False
        self._before = self.tokens
