"""Helpers for syntax trees: parsing a cell as IPython would, and questions about single nodes."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Cell magics that run the rest of the cell as Python."""
_LINE_MAGIC = re.compile(r"^(\s*)[%!].*")


@lru_cache(maxsize=512)
def parse_cell(code: str) -> ast.Module | None:
    """The syntax tree of a cell; ``None`` if it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" the user has read in the kernel
            return ast.parse(_without_magics(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magics(code: str) -> str:
    """The cell without IPython's lines: ``%%time`` at the top, ``%magic`` and ``!command`` anywhere."""
    lines = code.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in _PYTHON_CELL_MAGICS:
        return "?"  # another language, or an unknown magic: no Python
    return "\n".join(_LINE_MAGIC.sub(r"\1pass", line) for line in lines)


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
