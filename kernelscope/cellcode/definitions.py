"""What the cells of a notebook define for one another: functions, classes, iterators."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache

from kernelscope.cellcode.known_calls import EXHAUSTIBLE
from kernelscope.cellcode.source import parse_cell
from kernelscope.cellcode.syntax import names_in

Definition = ast.FunctionDef | ast.ClassDef
_Iterators = tuple[tuple[str, str | None], ...]
"""Names that may hold an iterator, with the function that returned it (``None``: a generator expression)."""


class Definitions:
    """The functions and classes that one cell can call by name, and the names that hold an iterator.

    Args:
        by_name: functions and classes that were defined at top level.
        iterators: names of what can be gone through once.
    """

    def __init__(self, by_name: Mapping[str, Definition], iterators: frozenset[str] = frozenset()) -> None:
        self._by_name, self._iterators = by_name, iterators

    def function(self, name: str) -> ast.FunctionDef | None:
        """The function of the user's that has this name."""
        definition = self._by_name.get(name)
        return definition if isinstance(definition, ast.FunctionDef) else None

    def class_(self, name: str) -> ast.ClassDef | None:
        """The class of the user's that has this name."""
        definition = self._by_name.get(name)
        return definition if isinstance(definition, ast.ClassDef) else None

    def methods(self, name: str) -> list[ast.FunctionDef]:
        """The methods of this name in all classes of the user's."""
        classes = (d for d in self._by_name.values() if isinstance(d, ast.ClassDef))
        return [
            part
            for c in classes
            for part in c.body
            if isinstance(part, ast.FunctionDef) and part.name == name
        ]

    def is_iterator(self, node: ast.expr) -> bool:
        """Whether it is a name that holds what can be gone through once."""
        return isinstance(node, ast.Name) and node.id in self._iterators


class NotebookDefinitions:
    """What all cells of a notebook have defined so far."""

    def __init__(self, codes: Iterable[str] = ()) -> None:
        self._by_name: dict[str, Definition] = {}
        self._iterators: dict[str, set[str | None]] = {}
        """By name, the functions whose results it was bound to; ``None``: a generator expression."""
        for code in codes:
            self.add(code)

    def add(self, code: str) -> None:
        """Take in one more cell, or one that was edited: what it defined before may still be there."""
        definitions, iterators = _definitions_in(code)
        self._by_name.update(definitions)
        for name, function in iterators:
            self._iterators.setdefault(name, set()).add(function)

    def seen_from(self, code: str) -> Definitions:
        """What this cell can call, its own definitions first."""
        return Definitions({**self._by_name, **_definitions_in(code)[0]}, self._names_of_iterators())

    def _names_of_iterators(self) -> frozenset[str]:
        return frozenset(
            name for name, functions in self._iterators.items() if any(map(self._returns_iterator, functions))
        )

    def _returns_iterator(self, function: str | None) -> bool:
        if function is None or function in EXHAUSTIBLE:
            return True
        definition = self._by_name.get(function)
        return definition is not None and any(
            isinstance(part, (ast.Yield, ast.YieldFrom)) for part in ast.walk(definition)
        )


@lru_cache(maxsize=8_192)
def _definitions_in(code: str) -> tuple[Mapping[str, Definition], _Iterators]:
    """What a cell defines at its top level.  Most cells define little: more of these are cached than of trees."""
    tree = parse_cell(code)
    body = tree.body if tree is not None else []
    definitions = {n.name: n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    iterators = [
        (name, function)
        for node in body
        if isinstance(node, ast.Assign)
        for function in _iterator_makers(node.value)
        for target in node.targets
        for name in names_in(target, ast.Store)
    ]
    return definitions, tuple(iterators)


def _iterator_makers(value: ast.expr) -> tuple[str | None, ...]:
    """The function that returns the value; ``None`` for a generator expression; empty for all other values."""
    if isinstance(value, ast.Call):
        return (value.func.id,) if isinstance(value.func, ast.Name) else ()
    return (None,) if isinstance(value, ast.GeneratorExp) else ()
