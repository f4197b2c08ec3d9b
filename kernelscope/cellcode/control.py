"""What decides whether a statement is reached: conditions, loops, and names that are missing.

This module runs in the kernel, too: the standard library of Python 3.9, and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})
"""Builtins that tell which names there are."""
_TRY_STAR: type[ast.Try] = getattr(ast, "TryStar", ast.Try)
"""``try`` with ``except*``, from Python 3.11 on; it has the form of the other."""
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class Guard(NamedTuple):
    """What decides whether a statement is reached when its cell runs."""

    conditional: bool = False
    """Some condition does, whose outcome the syntax does not tell."""
    missing: str | None = None
    """It is reached only while this name is not defined: ``if 'm' not in globals():``."""
    skippable: bool = False
    """It is reached in a usual run; a loop without a round, or an error before it, leaves it out."""

    @property
    def decides(self) -> bool:
        """Whether the statement can be left out by a condition at all."""
        return self.conditional or self.missing is not None

    @property
    def is_sure(self) -> bool:
        """Whether nothing can leave the statement out, unless the cell raises."""
        return not (self.decides or self.skippable)

    def under_condition(self, condition: bool = True) -> Guard:
        """This guard, and one more condition (if ``condition``)."""
        return self._replace(conditional=self.conditional or condition)

    def while_missing(self, name: str | None) -> Guard:
        """This guard, and the test whether this name is defined (if there is such a test)."""
        return self._replace(missing=name or self.missing)

    def in_doubt(self) -> Guard:
        """This guard, of what may be left out."""
        return self._replace(skippable=True)


REACHED = Guard()


class Block(NamedTuple):
    """Statements within a statement."""

    body: list[ast.stmt]
    guard: Guard


def blocks_of(node: ast.stmt, guard: Guard = REACHED) -> Iterator[Block]:
    """The blocks of a compound statement in their order, and what decides about each; not those of definitions.

    Args:
        node: any statement.
        guard: what decides about the statement itself.
    """
    if isinstance(node, ast.If):
        name = find_tested_name(node.test)
        always = isinstance(node.test, ast.Constant) and bool(node.test.value)
        yield Block(node.body, guard.under_condition(not always and name is None).while_missing(name))
        yield Block(node.orelse, guard.under_condition())
    elif isinstance(node, ast.While):
        inner = guard.under_condition(not isinstance(node.test, ast.Constant)).in_doubt()
        yield Block(node.body, inner)
        yield Block(node.orelse, guard.in_doubt())
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield Block(node.body, guard.in_doubt())
        yield Block(node.orelse, guard.in_doubt())
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield Block(node.body, guard)
    elif isinstance(node, (ast.Try, _TRY_STAR)):
        yield from _blocks_of_try(node, guard)
    for case in getattr(node, "cases", ()):  # `match`, which Python 3.9 does not have
        yield Block(case.body, guard.under_condition())


def _blocks_of_try(node: ast.Try, guard: Guard) -> Iterator[Block]:
    name = find_tried_name(node)
    yield Block(node.body, guard.in_doubt())
    for handler in node.handlers:
        yield Block(handler.body, guard.under_condition(name is None).while_missing(name))
    yield Block(node.orelse, guard.in_doubt())
    yield Block(node.finalbody, guard)


def may_leave_block(node: ast.stmt) -> bool:
    """Whether what comes after a statement need not be reached, because it may end the block."""
    return any(isinstance(part, _LEAVES) for part in ast.walk(node))


def may_stop_cell(node: ast.stmt) -> bool:
    """Whether it stops the cell depending on which names there are: ``assert 'm' not in globals()``."""
    stops = isinstance(node, ast.Assert) or (
        isinstance(node, ast.If) and any(isinstance(part, ast.Raise) for part in ast.walk(node))
    )
    return stops and any(isinstance(n, ast.Name) and n.id in NAMESPACES for n in ast.walk(node))


def find_tested_name(test: ast.expr) -> str | None:
    """``x`` of ``'x' not in globals()`` and of ``not 'x' in globals()``."""
    is_negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    comparison = test.operand if isinstance(test, ast.UnaryOp) and is_negated else test
    if not isinstance(comparison, ast.Compare) or len(comparison.ops) != 1:
        return None
    is_absence = isinstance(comparison.ops[0], ast.In if is_negated else ast.NotIn)
    name, space = comparison.left, comparison.comparators[0]
    if not is_absence or not isinstance(name, ast.Constant) or type(name.value) is not str:
        return None
    is_namespace = (
        isinstance(space, ast.Call) and getattr(space.func, "id", "") in NAMESPACES and not space.args
    )
    return name.value if is_namespace else None


def find_tried_name(node: ast.Try) -> str | None:
    """``x`` of ``try: x`` with ``except NameError:``."""
    if len(node.body) != 1 or len(node.handlers) != 1 or not isinstance(node.body[0], ast.Expr):
        return None
    tried, caught = node.body[0].value, node.handlers[0].type
    is_name_error = isinstance(caught, ast.Name) and caught.id == "NameError"
    return tried.id if isinstance(tried, ast.Name) and is_name_error else None


def find_conditional_parts(node: ast.AST) -> set[int]:
    """``id()`` of the parts of a statement that ``if`` and ``or`` within expressions decide about."""
    conditional: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, (ast.IfExp, ast.BoolOp)) and id(part) not in conditional:
            conditional.update(id(inner) for inner in ast.walk(part))
    return conditional
