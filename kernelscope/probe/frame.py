"""Where in a cell's source a reading is."""

from __future__ import annotations

from .standins import Scope


class Frame:
    """What the names around a statement stand for, the user's function that contains it, and how deep calls are."""

    __slots__ = ("depth", "inside", "scope")

    def __init__(self, scope: Scope, inside: str | None, depth: int) -> None:
        self.scope, self.inside, self.depth = scope, inside, depth

    def with_names(self, names: Scope) -> Frame:
        """The same place, with these names bound as well."""
        return Frame({**self.scope, **names}, self.inside, self.depth) if names else self
