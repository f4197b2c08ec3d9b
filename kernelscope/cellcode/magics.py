"""Magics, as IPython has transformed them: which Python they run.

``%time m.fit(X)`` is ``get_ipython().run_line_magic('time', 'm.fit(X)')`` then, and a cell under ``%%time`` the text of one
such call.  This module runs in the kernel, too: the standard library of Python 3.9, and nothing else.
"""

from __future__ import annotations

import ast
import re

from .syntax import parse

_CALLS = ("run_line_magic", "run_cell_magic")
_RUN_PYTHON = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun"})
"""Magics that run the code that they are given."""
_FLAGS = re.compile(r"(?:-\w+(?:[ =]?\d+)?\s+)*")
"""Options of a magic, before the code."""
_LINE_MAGIC = re.compile(r"^(\s*)[%!].*", flags=re.MULTILINE)


def texts_of_magic(node: ast.AST) -> list[str]:
    """The name of a magic, and the texts that it is given; empty if this is no call of one."""
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in _CALLS:
        return []
    return [a.value for a in node.args if isinstance(a, ast.Constant) and type(a.value) is str]


def python_of_magic(node: ast.AST) -> ast.Module | None:
    """The code that a magic runs; ``None`` if it runs none, or this is no call of one."""
    texts = texts_of_magic(node)
    if not texts or texts[0] not in _RUN_PYTHON:
        return None
    code = _FLAGS.sub("", texts[-1], count=1)
    return parse(code) or parse(without_magics(code))


def without_magics(code: str) -> str:
    """Code that IPython has not transformed, with ``pass`` for each line that is a magic or a command."""
    return _LINE_MAGIC.sub(r"\1pass", code)


def read_magics(tree: ast.Module) -> ast.Module:
    """The tree with what its magics run in their places; those that run no Python are calls on nothing known."""
    read: ast.Module = _MagicReader().visit(tree)
    return read


class _MagicReader(ast.NodeTransformer):
    """Replaces one call after another."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """A magic that is a statement by itself runs statements."""
        tree = python_of_magic(node.value)
        return self.generic_visit(node) if tree is None else self._block(tree)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A magic whose result is used has the value of one expression."""
        tree = python_of_magic(node)
        if tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            value: ast.AST = self.visit(tree.body[0].value)
            return value
        if getattr(node.func, "id", "") == "get_ipython" and not node.args:
            return ast.copy_location(ast.Constant(None), node)
        return self.generic_visit(node)

    def _block(self, tree: ast.Module) -> list[ast.stmt]:
        read: ast.Module = self.visit(tree)
        return read.body or [ast.Pass()]
