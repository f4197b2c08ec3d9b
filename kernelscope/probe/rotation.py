"""Whose turn it is to have its content looked at: what a cell could have touched, then what has waited longest."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice


class Rotation:
    """The objects in sight, in the order in which their content was looked at, oldest first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, token: int) -> None:
        """This one is in sight from now on; it was looked at just now."""
        self._waiting[token] = None

    def discard(self, token: int) -> None:
        """This one is out of sight."""
        self._waiting.pop(token, None)

    def note(self, token: int) -> None:
        """The content of this one was looked at."""
        if token in self._waiting:
            self._waiting.move_to_end(token)

    def first(self, most: int) -> list[int]:
        """Those that have waited longest."""
        return list(islice(self._waiting, most))
