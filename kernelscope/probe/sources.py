"""Sources of what a cell runs: functions of other cells, helper modules, scripts.

Read, never run: what IPython keeps for tracebacks, else the file itself if it is a plain and small one.
"""

from __future__ import annotations

import ast
import io
import linecache
import os
import stat
import types
from typing import Any

from ..cellcode.syntax import Functions, functions_in, parse
from .interrupts import is_own_failure
from .types import TypeCache

_MOST_PARSED = 64
_MOST_LINES = 3_000
"""Of a file: parsing takes about 10 µs a line, and cannot be broken off."""
_LARGEST = 1 << 17
"""Bytes of a file."""

_stat, _open, _abspath = os.stat, io.open, os.path.abspath
"""Bound now: what the user puts in their place later is not run."""


class Sources:
    """Parsed sources, by file and by the version of it."""

    def __init__(self, types_: TypeCache) -> None:
        self._types = types_
        self._parsed: dict[tuple[object, ...], tuple[ast.Module | None, Functions]] = {}

    def function_node(self, function: types.FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The source of one of the user's functions."""
        code = function.__code__
        entry: Any = linecache.cache.get(code.co_filename)
        if type(entry) is tuple and len(entry) == 4:
            functions = self._of_lines(code.co_filename, entry)[1]
        else:
            functions = self._of_file(code.co_filename)[1]
        return functions.get((code.co_name, code.co_firstlineno))

    def script(self, path: str) -> ast.Module | None:
        """What ``%run`` runs."""
        return self._of_file(path if path.endswith((".py", ".ipy")) else path + ".py")[0]

    def _of_lines(self, filename: str, entry: Any) -> tuple[ast.Module | None, Functions]:
        """As it was when it was last looked up for a traceback."""
        if len(entry[2]) > _MOST_LINES:
            return None, {}
        return self._kept((filename, *entry[:2]), "".join(entry[2]))

    def _of_file(self, filename: str) -> tuple[ast.Module | None, Functions]:
        """As it is now.  Only a regular file: a pipe would block."""
        if not self._types.is_user_file(filename):
            return None, {}
        try:
            path = _abspath(filename)
            status = _stat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                return None, {}
            version = (path, status.st_size, status.st_mtime)
            if version in self._parsed:
                return self._parsed[version]
            with _open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(_LARGEST)
        except (OSError, ValueError) as error:
            if not is_own_failure(error):  # a timeout of the user's is an OSError, too
                raise
            return None, {}
        return self._kept(version, text if text.count("\n") <= _MOST_LINES else "")

    def _kept(self, version: tuple[object, ...], text: str) -> tuple[ast.Module | None, Functions]:
        if version not in self._parsed:
            if len(self._parsed) >= _MOST_PARSED:
                self._parsed.pop(next(iter(self._parsed)))
            tree = parse(text)
            self._parsed[version] = tree, functions_in(tree)
        return self._parsed[version]
