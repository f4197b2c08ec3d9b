"""Stands in the place of values that a cell's source tells of and no namespace holds."""

from __future__ import annotations

import ast
from typing import Any


class Unknown:
    """The value of an expression that cannot be known without running it."""


class NewInstance:
    """What a class was called to make."""

    def __init__(self, cls: type) -> None:
        self.cls = cls


class OpenedFile:
    """What ``open`` was called to give."""

    def __init__(self, path: str | None, is_store: bool = False) -> None:
        self.path = path
        self.is_store = is_store
        """It holds objects under keys, as ``shelve`` does."""


class LocalFunction:
    """A function that another function has defined: it is in no namespace."""

    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        self.node, self.scope = node, scope


Scope = dict[str, Any]
"""By name, what a function's own names stand for."""
UNKNOWN = Unknown()
STAND_INS = (Unknown, NewInstance, OpenedFile, LocalFunction)

FIRST_ARGUMENTS, GLOBALS = "(first)", "(globals)"
"""Keys of a scope that no name can have: arguments that come before those written, and the namespace of
the module that a function was written in."""
