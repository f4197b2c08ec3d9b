"""Reads what the objects do with files that ``pickle.Pickler`` and its like make."""

from __future__ import annotations

import ast
from typing import Any

from .lookups import find_function
from .persistence import access_fact
from .standins import Scope
from .statements import CellReading

_METHODS = ("dump", "load")


def read_pickler(reading: CellReading, node: ast.Call, receiver: Any, scope: Scope) -> bool:
    """Notes ``pickle.Pickler(file).dump(m)``, ``pickle.Unpickler(file).load()``; whether it is one."""
    at, files = reading.at, reading.files
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _METHODS:
        return False
    maker = node.func.value
    cls = at.value(maker.func, scope) if isinstance(maker, ast.Call) else type(receiver)
    entry = find_function(cls, reading.tables.pickler_classes)
    if entry is None:
        return False
    path = files.path_argument(maker, 0, scope) if isinstance(maker, ast.Call) else None
    _, name, action, module = entry
    if action == "saver":
        files.add_save(
            access_fact("save", f"{module}.{name}", path), node.args[0] if node.args else None, scope
        )
    else:
        files.add_load(access_fact("load", f"{module}.{name}", path))
    return True
