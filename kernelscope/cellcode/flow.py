"""Which names a cell needs, by the order of its statements."""

from __future__ import annotations

import ast

from msgspec import Struct

from kernelscope.cellcode.syntax import names_in


class NameFlow(Struct, frozen=True):
    """Names that a cell needs, and names that it takes away."""

    needs: frozenset[str] = frozenset()
    """Read before the cell binds them itself."""
    consumes: tuple[str, ...] = ()
    """Deleted, neither bound by the cell before nor after that."""


def follow_names(tree: ast.Module) -> NameFlow:
    """Follow the top-level statements in order."""
    bound: set[str] = set()
    needs: set[str] = set()
    taken: list[str] = []
    for node in tree.body:
        stored = set(names_in(node, ast.Store))
        needs |= _read_by(node, stored) - bound
        if isinstance(node, ast.Delete):
            deleted = [target.id for target in node.targets if isinstance(target, ast.Name)]
            taken += [name for name in deleted if name not in bound]
            bound -= set(deleted)
        bound |= stored | {getattr(node, "name", "")}
    return NameFlow(frozenset(needs), tuple(name for name in taken if name not in bound))


def _read_by(node: ast.stmt, stored: set[str]) -> set[str]:
    """Names that a statement reads, without those that its own loops bind first."""
    own = set(stored) if isinstance(node, (ast.For, ast.With)) else set()
    for part in ast.walk(node):
        if isinstance(part, ast.comprehension):
            own.update(names_in(part, ast.Store))
    read = set(names_in(node, ast.Load)) - own
    return read | stored if isinstance(node, ast.AugAssign) else read
