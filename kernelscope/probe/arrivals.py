"""Finds out how a model's state arrives or leaves: by a copy, by another process or by a file.

``__setstate__`` is called during unpickling and copying, ``__getstate__`` during pickling.  The frames of the functions
around such a call show which of these is under way, and which file is open.

Sees: the functions of ``copy``; those that take results out of other processes; a file that one of the libraries'
functions on the way has opened.  Cannot see: files that are opened in C.
"""

from __future__ import annotations

import io
import os
import types
from typing import Any, Iterator, NamedTuple

from .tables import Tables
from .types import instance_dict, is_one_of

_MOST_FRAMES = 40
_MOST_VALUES = 64
_CO_OPTIMIZED = 0x01
_TAKERS = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""Functions that give a frame's own dict of locals away."""
_READERS = (io.BufferedReader, io.BufferedRandom)
_WRITERS = (io.BufferedWriter, io.BufferedRandom)


class StateWay(NamedTuple):
    """The way that a state took."""

    via: str = ""
    """``copy``: in memory · ``process``: from or to another process · ``file`` · empty: it is not known."""
    through: str = ""
    """The library's function that the user's code called, as ``pandas.read_pickle``."""
    path: str | None = None
    """Of the file."""


def find_way(frame: types.FrameType, tables: Tables, namespace: dict[str, Any], *, is_read: bool) -> StateWay:
    """The way of a state.

    Args:
        frame: of the method that puts it in, or hands it out.
        namespace: the user's; what lies further out than its code does not matter.
        is_read: it is put in.
    """
    kinds = _READERS if is_read else _WRITERS
    via, path, through = "", None, ""
    outer = frame.f_back
    for _ in range(_MOST_FRAMES):
        if outer is None or outer.f_globals is namespace:
            break
        module = dict.get(outer.f_globals, "__name__")
        module = module if type(module) is str else ""
        through = _name_of(outer.f_code, module) or through
        if not via:
            via = _via_of(module, tables)
        if not via:
            path = _path_of_file(_values_of(outer), kinds)
            via = "" if path is None else "file"
        outer = outer.f_back
    if not via and outer is not None and outer.f_globals is namespace:
        path = _path_of_file(_named_values(outer, namespace), kinds)
        via = "" if path is None else "file"
        through = through or ("pickle.load" if is_read else "pickle.dump")
    return StateWay(via, through if via == "file" else "", path)


def _name_of(code: types.CodeType, module: str) -> str:
    """A function as users know it; empty for what a decorator has put around one.

    Calls are seen from Python 3.12 on, where code knows its qualified name.
    """
    name: str = code.co_qualname  # type: ignore[attr-defined,unused-ignore]
    if "<locals>" in name:
        return ""
    known_as = name.removesuffix(".__call__").rpartition(".")[2]
    return f"{module.partition('.')[0]}.{known_as}"


def _via_of(module: str, tables: Tables) -> str:
    if module in tables.copying_modules:
        return "copy"
    if module in tables.storing_modules:
        return "file"
    is_process = any(module == m or module.startswith(m + ".") for m in tables.process_modules)
    return "process" if is_process else ""


def _values_of(frame: types.FrameType) -> list[Any]:
    """What a function's variables hold."""
    own = frame.f_locals
    values = list(own.values())[:_MOST_VALUES]
    if (
        type(own) is dict
        and frame.f_code.co_flags & _CO_OPTIMIZED
        and not _TAKERS.intersection(frame.f_code.co_names)
    ):
        own.clear()  # before 3.13 this is a copy, which the frame keeps
    return values


def _named_values(frame: types.FrameType, namespace: dict[str, Any]) -> list[Any]:
    """What the names hold that the user's code mentions: a file that it has opened itself."""
    named = [namespace[name] for name in frame.f_code.co_names if name in namespace]
    is_function = bool(frame.f_code.co_flags & _CO_OPTIMIZED)
    return [*named, *_values_of(frame)] if is_function else named


def _path_of_file(values: list[Any], kinds: tuple[type, ...]) -> str | None:
    """The path of the one open file among these values, or among what they hold."""
    paths: set[str] = set()
    for value in _and_what_they_hold(values):
        path = _path_of(value) if is_one_of(type(value), kinds) else None
        if path is not None:
            paths.add(path)
    return paths.pop() if len(paths) == 1 else None


def _and_what_they_hold(values: list[Any]) -> Iterator[Any]:
    yield from values
    for value in values:
        own = instance_dict(value)
        if own is not None and len(own) <= _MOST_VALUES:
            yield from list(own.values())


def _path_of(file: Any) -> str | None:
    """Of an open file; ``None`` for one that is closed, or wraps something else."""
    try:
        raw = file.raw
    except ValueError:  # detached
        return None
    name = raw.name if type(raw) is io.FileIO and not raw.closed else None
    return os.path.abspath(name) if type(name) is str else None
