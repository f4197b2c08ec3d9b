"""Looks single things up without running anything: attributes, items, paths, functions by identity."""

from __future__ import annotations

import ast
import collections
import io
import os
import pathlib
import sys
import types
from typing import Any

from .containers import holds_objects
from .interrupts import is_own_failure
from .library import NamedItems
from .standins import STAND_INS, UNKNOWN
from .tables import Entry
from .types import (
    FIELDS,
    ITEMS,
    LIST,
    QUEUE,
    TUPLE,
    class_attribute,
    has_plain_keys,
    instance_dict,
    is_class,
    is_one_of,
    qualified_name,
)

_SEQUENCES: dict[int, Any] = {LIST: list, TUPLE: tuple, FIELDS: tuple, QUEUE: collections.deque}
_LONGEST_PATH = 4_096
MOST_HELD = 64
"""Items of a container, or arguments, that are looked at."""

# Bound now: what the user puts in their place later is not run.
PATH_CLASS = type(pathlib.Path())
PATH_CLASSES = (pathlib.Path, pathlib.PurePath, PATH_CLASS)
join, abspath = os.path.join, os.path.abspath
_stat, _open = os.stat, io.open


def attribute_of(owner: Any, name: str, lazy_modules: dict[str, str]) -> Any:
    """An attribute as it stands in the owner's own dictionary.

    Args:
        lazy_modules: by class of an object that stands for a module: the module.
    """
    if is_one_of(type(owner), STAND_INS):
        return UNKNOWN
    module = lazy_modules.get(qualified_name(type(owner)))
    if module is not None:
        owner = sys.modules.get(module)
    if type(owner) is types.ModuleType:
        return owner.__dict__.get(name, UNKNOWN)
    if is_class(owner):
        entry = class_attribute(owner, name)
        return UNKNOWN if entry is None else entry
    own = instance_dict(owner)
    return own.get(name, UNKNOWN) if own is not None and has_plain_keys(own) else UNKNOWN


def is_mapping(value: Any) -> bool:
    """Whether it is a dict whose items can be read without running anything of the user's."""
    return is_one_of(type(value), (dict, NamedItems))


def is_short_text(value: Any) -> bool:
    """Whether it can be a path."""
    return type(value) is str and len(value) < _LONGEST_PATH


def name_of(file: Any) -> Any:
    """The path that an open file was given; its ``name`` would ask what it wraps."""
    try:
        raw = file.raw
    except ValueError:  # detached
        return None
    return raw.name if type(raw) is io.FileIO else None


def item_of(owner: Any, key: Any, shape: int) -> Any:
    """An item of a container under a key that the source writes out.

    Args:
        shape: of the owner's type.
    """
    if shape == ITEMS and is_one_of(type(key), (str, int)) and has_plain_keys(owner):
        return dict.get(owner, key, UNKNOWN)
    base = _SEQUENCES.get(shape)
    if base is not None and type(key) is int and -base.__len__(owner) <= key < base.__len__(owner):
        return base.__getitem__(owner, key)
    if holds_objects(owner) and owner.ndim == 1 and type(key) is int and -owner.size <= key < owner.size:
        return owner[key]
    return UNKNOWN


def constant_key(index: Any) -> Any:
    """The constant that a subscript holds."""
    index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
    sign = 1
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
        index, sign = index.operand, -1
    key = index.value if isinstance(index, ast.Constant) else UNKNOWN
    return key * sign if type(key) is int else key


def combine(left: Any, right: Any, operator: ast.operator) -> Any:
    """``path / name`` and ``text + text``."""
    if (
        isinstance(operator, ast.Div)
        and type(left) is PATH_CLASS
        and (is_short_text(right) or type(right) is PATH_CLASS)
    ):
        return left / right
    if isinstance(operator, ast.Add) and is_short_text(left) and is_short_text(right):
        return left + right
    return UNKNOWN


def as_path(parts: list[Any]) -> Any:
    """``Path(*parts)``."""
    return PATH_CLASS(*parts) if all(is_short_text(p) or type(p) is PATH_CLASS for p in parts) else UNKNOWN


def find_function(callee: Any, table: tuple[Entry, ...]) -> Entry | None:
    """The entry of a table of functions that ``callee`` is, by identity."""
    if is_one_of(type(callee), STAND_INS):
        return None
    for entry in table:
        module = sys.modules.get(entry[0])
        if type(module) is types.ModuleType and module.__dict__.get(entry[1]) is callee:
            return entry
    return None


def is_open(callee: Any) -> bool:
    """``open`` itself, or the wrapper of it that IPython puts into the namespace."""
    if type(callee) is types.FunctionType:
        callee = callee.__dict__.get("__wrapped__")
    return callee is _open


def time_written(path: str) -> int:
    """When the file was last written, in nanoseconds; 0 if it is not there."""
    try:
        return int(_stat(path).st_mtime_ns)
    except (OSError, ValueError) as error:
        if not is_own_failure(error):
            raise
        return 0


def is_open_of(callee: Any, modules: frozenset[str]) -> bool:
    """Whether it is the function ``open`` of one of these modules."""
    return (
        type(callee) is types.FunctionType
        and callee.__name__ == "open"
        and callee.__globals__.get("__name__") in modules
    )


def was_written(path: str | None, since: float | None) -> bool:
    """Whether the file is there and, if ``since`` is given, was written after that."""
    if path is None:
        return False
    try:
        written = _stat(path).st_mtime
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        if not is_own_failure(error):
            raise
        return False
    # File systems stamp with a clock that ticks every few milliseconds.
    return since is None or written >= since - 0.02
