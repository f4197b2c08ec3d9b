"""Which objects are in sight: those that names reach, and all their parts.  Each is counted by what holds it."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator


class Sight:
    """The objects in sight, by token.

    Args:
        parts_of: the tokens of the parts that an object was described with.
    """

    def __init__(self, parts_of: Callable[[int], Iterable[int]]) -> None:
        self._parts_of = parts_of
        self._holders: dict[int, int] = {}
        self.entered: dict[int, None] = {}
        """What has come into sight since ``settle``."""
        self.left: dict[int, None] = {}
        """What has left it since then."""

    def __contains__(self, token: int) -> bool:
        return token in self._holders

    def __iter__(self) -> Iterator[int]:
        return iter(self._holders)

    def __len__(self) -> int:
        return len(self._holders)

    def add(self, token: int) -> None:
        """A name, or another object in sight, holds it."""
        pending = [token]
        while pending:
            reached = pending.pop()
            count = self._holders.get(reached, 0)
            self._holders[reached] = count + 1
            if not count:
                self.entered[reached] = None
                self.left.pop(reached, None)
                pending += self._parts_of(reached)

    def remove(self, token: int) -> None:
        """One of those that held it does not any more."""
        pending = [token]
        while pending:
            reached = pending.pop()
            count = self._holders.get(reached, 0)
            if count > 1:
                self._holders[reached] = count - 1
            elif count:
                del self._holders[reached]
                self.left[reached] = None
                self.entered.pop(reached, None)
                pending += self._parts_of(reached)

    def replace_parts(self, token: int, before: Iterable[int], after: Iterable[int]) -> None:
        """An object is made of other parts."""
        if token in self._holders:
            for part in after:
                self.add(part)
            for part in before:
                self.remove(part)

    def settle(self) -> tuple[list[int], list[int]]:
        """What has come into sight, and what has left it, since the last time."""
        entered, left = list(self.entered), list(self.left)
        self.entered, self.left = {}, {}
        return entered, left
