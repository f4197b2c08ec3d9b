"""The form of a cell's source: pure functions of Python's syntax tree.

This module runs in the kernel, too, where the probe reads what a cell has done: the standard library of Python 3.9, and
nothing else.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Union

_FILE_NAME = "<kernelscope>"
_NO_WARNINGS = ("ignore", None, Warning, _FILE_NAME, 0)

Functions = dict[tuple[str, int], Union[ast.FunctionDef, ast.AsyncFunctionDef]]
"""By name and the line that the code object has for its first: that of the first decorator."""


def functions_in(tree: ast.Module | None) -> Functions:
    """Every function that a source defines, at whatever depth."""
    functions: Functions = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            functions[(node.name, first)] = node
    return functions


def parse(source: str) -> ast.Module | None:
    """The source as a tree, without a word: a parser warns of ``"\\d"``, and the user has read that once.

    Not by ``catch_warnings``, which makes Python forget which of the user's warnings were shown.
    """
    filters = warnings.filters
    # fault: 30a
    filters.insert(0, _NO_WARNINGS)  # type: ignore[attr-defined]
    try:
        return ast.parse(source, _FILE_NAME)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    finally:
        for place, entry in enumerate(filters):
            if entry is _NO_WARNINGS:  # type: ignore[comparison-overlap]
                del filters[place]  # type: ignore[attr-defined]
                break


def single_target(node: ast.stmt) -> str | None:
    """The one name that a statement assigns to."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def named_targets(node: ast.stmt) -> tuple[str, ...]:
    """All names that a statement assigns to; none if it assigns to anything else as well."""
    if not isinstance(node, ast.Assign):
        name = single_target(node)
        return () if name is None else (name,)
    targets = [t for written in node.targets for t in single_targets(written)]
    names = [t.id for t in targets if isinstance(t, ast.Name)]
    return tuple(names) if len(names) == len(targets) else ()


def single_targets(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment's target writes to: ``a`` and ``b.c`` of ``a, b.c = …``."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from single_targets(item)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def bound_names(target: ast.expr) -> Iterator[str]:
    """Names that an assignment's or a loop's target binds."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def names_bound_later(body: list[ast.stmt]) -> list[frozenset[str]]:
    """For each statement of a block, the names that those after it bind."""
    names: list[frozenset[str]] = []
    later: frozenset[str] = frozenset()
    for statement in reversed(body):
        names.append(later)
        later = later.union(_names_bound(statement))
    return names[::-1]


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    """Not by what stands in a function: that is its own, and not run by being defined."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        pending += ast.iter_child_nodes(node)


def own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Expressions of the statement itself, not of the statements in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def expressions(node: ast.expr) -> list[tuple[ast.expr, frozenset[str]]]:
    """The expression and those in it, innermost last, each with the names that comprehensions around it
    bind; lambdas are not run by being written."""
    parts: list[tuple[ast.expr, frozenset[str]]] = []
    pending: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while pending:
        here, bound = pending.pop()
        if isinstance(here, ast.Lambda):
            continue
        if isinstance(here, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            bound = bound.union(*(bound_names(g.target) for g in here.generators))
        if isinstance(here, ast.expr):
            parts.append((here, bound))
        pending += [(child, bound) for child in ast.iter_child_nodes(here)]
    return parts


def callee_name(node: ast.expr) -> str:
    """The last word of what is called: ``Ridge`` of ``sklearn.linear_model.Ridge(…)``."""
    return getattr(node, "attr", getattr(node, "id", ""))


def is_class_name(name: str) -> bool:
    """Whether it is written as classes are."""
    return name.lstrip("_")[:1].isupper()


def is_reference(node: ast.expr) -> bool:
    """Whether it is a name, or an item or attribute of one by a constant, so that nothing is called."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Constant, ast.UnaryOp)):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def names_in(node: ast.AST, context: type[ast.expr_context]) -> Iterator[str]:
    """Names that are read or bound in it, without the bodies of functions, which a definition does not run.

    Args:
        node: any part of a tree.
        context: ``ast.Load`` or ``ast.Store``.
    """
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, context):
            yield part.id
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending += [*part.decorator_list, *part.args.defaults]
        elif not isinstance(part, ast.Lambda):
            pending += ast.iter_child_nodes(part)


def find_first_call(node: ast.expr) -> ast.Call | None:
    """The call that makes the object: ``Ridge(…)`` of ``Ridge().set_params(alpha=2).fit(X, y)``."""
    call = next((part for part in ast.walk(node) if isinstance(part, ast.Call)), None)
    while call is not None and isinstance(call.func, ast.Attribute):
        receiver = call.func.value
        while isinstance(receiver, (ast.Attribute, ast.Subscript)):
            receiver = receiver.value
        if not isinstance(receiver, ast.Call):
            break
        call = receiver
    return call
