"""Which conditions in a cell decide about what it does when it runs again."""

from __future__ import annotations

import ast

from kernelscope.cellcode.known_calls import NAMESPACES


def find_tested_name(test: ast.expr) -> str | None:
    """``x`` of ``'x' not in globals()`` and of ``not 'x' in globals()``."""
    match test:
        case ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.NotIn()], comparators=[namespace]):
            return name if _is_namespace(namespace) else None
        case ast.UnaryOp(
            op=ast.Not(),
            operand=ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In()], comparators=[namespace]),
        ):
            return name if _is_namespace(namespace) else None
    return None


def _is_namespace(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=function), args=[]):
            return function in NAMESPACES
    return False


def find_tried_name(node: ast.Try) -> str | None:
    """``x`` of ``try: x`` with ``except NameError:``."""
    match node:
        case ast.Try(
            body=[ast.Expr(value=ast.Name(id=name))],
            handlers=[ast.ExceptHandler(type=ast.Name(id="NameError"))],
        ):
            return name
    return None


def may_stop_cell(node: ast.stmt) -> bool:
    """Whether it stops the cell depending on which names there are: ``assert 'm' not in globals()``."""
    stops = isinstance(node, ast.Assert) or (
        isinstance(node, ast.If) and any(isinstance(part, ast.Raise) for part in ast.walk(node))
    )
    return stops and any(isinstance(n, ast.Name) and n.id in NAMESPACES for n in ast.walk(node))


def find_conditional_parts(node: ast.AST) -> set[int]:
    """``id()`` of the parts of a statement that ``if`` and ``or`` within expressions decide about."""
    conditional: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, (ast.IfExp, ast.BoolOp)) and id(part) not in conditional:
            conditional.update(id(inner) for inner in ast.walk(part))
    return conditional
