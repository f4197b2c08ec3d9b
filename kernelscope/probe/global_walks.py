"""Walks through those globals that reach something else than at the last look; through all, if that is not known."""

from __future__ import annotations

from typing import Any, Callable, Iterable

from .names import UserNames
from .structure import Difference, Structure
from .types import TypeCache
from .walk import NamespaceWalk


class GlobalWalks:
    """Remembers what the walks through one namespace have opened.

    Args:
        is_model: whether an object, of a class of models, is one.
    """

    def __init__(self, namespace: dict[str, Any], types_: TypeCache, is_model: Callable[[Any], bool]) -> None:
        self._globals = UserNames(namespace)
        self._types, self._is_model = types_, is_model
        self._structure = Structure(types_)
        self._undecided: set[str] = set()
        """Globals that are walked each time."""
        self._is_limited = False
        """A bound has left something out: what is left out next time depends on all that there is."""
        self.cut: list[str] = []
        """What the bounds left out."""
        self.visited = 0
        """Values that the last walk looked at."""

    def walk(self, *, everything: bool, known: int) -> tuple[Difference, NamespaceWalk]:
        """What differs, and the walk through it.

        Args:
            everything: what was known of the globals does not count.
            known: how many names reach models already.
        """
        names, values = self._globals.read()
        if everything:
            self._structure.clear()
        difference = self._compare(names, values)
        places = sorted(difference.changed.values())
        walk = NamespaceWalk(
            self._globals,
            self._types,
            self._is_model,
            [(place, names[place], values[place]) for place in places],
        )
        if not difference.is_all and walk.is_too_much_beside(known):
            return self.walk(everything=True, known=0)  # the bound holds for all names together
        self.visited = self._globals.examined + walk.visited
        for name in difference.changed:
            self._structure.drop(name)
        for name, (value, node) in walk.opened.items():
            self._structure.keep(name, value, node)
        self._undecided = (self._undecided - difference.changed.keys() - {*difference.gone}) | walk.undecided
        self._note_limits(difference, walk)
        return difference, walk

    def _compare(self, names: list[str], values: list[Any]) -> Difference:
        difference = self._structure.compare(names, values)
        for name in self._undecided:
            if name in self._structure:
                difference.changed[name] = self._structure.place_of(name)
        if self._is_limited and (difference.changed or difference.gone):
            self._structure.clear()
            difference = self._structure.compare(names, values)
        return difference

    def _note_limits(self, difference: Difference, walk: NamespaceWalk) -> None:
        if difference.is_all:
            self._is_limited = walk.is_limited
            self.cut = walk.left_out()
        elif walk.is_limited:
            self._is_limited = True
            self.cut += [cut for cut in walk.left_out() if cut not in self.cut]

    def walk_again(self, names: Iterable[str]) -> None:
        """Walk these globals, too, whether or not they differ."""
        self._undecided.update(names)

    def walk_all(self, names: UserNames) -> NamespaceWalk:
        """A walk through all globals, by another thread's own view of them; nothing of it is remembered."""
        keys, values = names.read()
        return NamespaceWalk(names, self._types, self._is_model, zip(range(len(keys)), keys, values))
