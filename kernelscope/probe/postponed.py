"""Models that names reach and that no look had the time to describe: thousands at the attach, or made by one cell.

Each look describes some of them, those first that the cell could have touched.  Which object a name reached when it was
postponed is known all along, so that a model which was there at the attach is never taken for a new one.
"""

from __future__ import annotations

from itertools import islice
from typing import Iterable

from .walk import root_of

AT_ATTACH = "attach"
"""``ObjectFacts.known`` of what was postponed by the first look of all."""
_MOST_PER_LOOK = 256
"""How many globals a look takes up again."""

_Entries = dict[str, tuple[int, int]]
"""By name, the token of the model, and the execution count of the first run that can have bound the name to it; 0 if
that was before the attach."""


class Postponed:
    """The names whose models wait for their first description."""

    def __init__(self) -> None:
        self._by_root: dict[str, _Entries] = {}
        """By the global that the names begin with."""
        self._taken_up: dict[str, _Entries] = {}
        """Those whose turn it is in this look."""
        self._first_run: int | None = None
        """Execution count of the first run after the attach."""

    def __bool__(self) -> bool:
        return bool(self._by_root)

    def begin(self, run: int) -> None:
        """A look begins; the first one is that of the attach.

        Args:
            run: the execution count of the run before it.
        """
        if self._first_run is None:
            self._first_run = run + 1
        self._by_root.update(self._taken_up)  # of a look that was broken off
        self._taken_up = {}

    def next_roots(self, words: Iterable[str]) -> list[str]:
        """The globals to walk in this look.

        Args:
            words: those that the cell can have touched go first.
        """
        mentioned = [word for word in words if word in self._by_root]
        return [*mentioned, *islice(self._by_root, _MOST_PER_LOOK)]

    def take_up(self, roots: Iterable[str]) -> None:
        """These globals are walked in this look: what of them is not postponed again, is described or gone."""
        for root in roots:
            entries = self._by_root.pop(root, None)
            if entries is not None:
                self._taken_up[root] = entries

    def add(self, name: str, token: int, run: int) -> None:
        """There was no time for this one.

        Args:
            run: the execution count of the run that the look follows.
        """
        root, first = root_of(name), self._first_run or 0
        before, since = self._taken_up.get(root, {}).get(name, (token, run))
        if run < first:
            since = 0
        elif before != token and not since:
            since = first
        self._by_root.setdefault(root, {})[name] = token, since

    def describe(self, name: str, token: int) -> int | None:
        """This one is described now: the first run that can have bound the name to it; 0: it was there at the attach.

        Returns:
            ``None`` if it was not postponed.
        """
        entry = self._taken_up.get(root_of(name), {}).get(name)
        if entry is None:
            return None
        before, since = entry
        return since if since or before == token else self._first_run or 0

    def end(self) -> None:
        """The look has described what it had the time for."""
        self._taken_up = {}
