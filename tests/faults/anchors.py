"""Finds the statements below a fault's marker comment, and replaces them by a bug.

A marker is a comment of its own line, ``# fault: 57a``, directly above a statement (other markers may stand
between).  The bug replaces that statement, or so many statements of the same block as it says; or only the header of
a compound statement, up to its colon.  In a file that is no Python, the marker is ``/* fault: 57a */`` and the bug
replaces the next line.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

Part = Literal["statement", "header"]
Region = tuple[int, int]
"""First and last line, from 1."""

_MARKER = re.compile(r"^[ \t]*(?:#|/\*) fault: (\d+[a-z])(?: \*/)?$", re.MULTILINE)
_PACKAGE = "kernelscope"


@cache
def find_markers(root: Path) -> dict[str, list[Path]]:
    """Return by marker the files below ``root`` that contain it."""
    markers: dict[str, list[Path]] = {}
    for path in sorted((root / _PACKAGE).rglob("*")):
        if path.suffix in (".py", ".tcss", ".js", ".css"):
            for name in _MARKER.findall(path.read_text(encoding="utf-8")):
                markers.setdefault(name, []).append(path)
    return markers


def put_bug(source: str, marker: str, replacement: str, part: Part = "statement", statements: int = 1) -> str:
    """Return the source with the bug in it.

    Raises:
        ValueError: no such marker, or no statement below it.
    """
    lines = source.split("\n")
    first, last = locate(source, marker, part, statements)
    indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
    new = textwrap.indent(replacement.rstrip("\n"), indent).split("\n") if replacement.strip() else []
    return "\n".join([*lines[: first - 1], *new, *lines[last:]])


def locate(source: str, marker: str, part: Part = "statement", statements: int = 1) -> Region:
    """Return the lines that the bug replaces.

    Raises:
        ValueError: no such marker, or no statement below it.
    """
    start = _line_below(source.split("\n"), marker)
    try:
        tree = _parse(source)
    except SyntaxError:
        return start, start
    for block in _blocks(tree):
        for place, node in enumerate(block):
            if _first_line(node) == start:
                if part == "header":
                    return start, _last_header_line(node, source)
                return start, _last_line(block[place + statements - 1])
    raise ValueError(f"no statement begins below the marker {marker}")


@cache
def _parse(source: str) -> ast.Module:
    """Parse a file; cached, since it often contains several markers."""
    return ast.parse(source)


def _line_below(lines: list[str], marker: str) -> int:
    """Return the first line below the marker that is not a marker."""
    names = [match.group(1) if (match := _MARKER.match(line)) else None for line in lines]
    if marker not in names:
        raise ValueError(f"there is no marker {marker}")
    line = names.index(marker)
    while names[line] is not None:
        line += 1
    return line + 1


def _blocks(tree: ast.AST) -> Iterator[list[Any]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                yield block


def _first_line(node: Any) -> int:
    if isinstance(node, ast.match_case):
        return int(node.pattern.lineno)
    decorators = getattr(node, "decorator_list", ())
    return int(decorators[0].lineno if decorators else node.lineno)


def _last_line(node: Any) -> int:
    if isinstance(node, ast.match_case):
        return _last_line(node.body[-1])
    return int(node.end_lineno)


def _last_header_line(node: Any, source: str) -> int:
    """Return the line before the body, without comments."""
    lines = source.split("\n")
    line = _first_line(node.body[0]) - 1
    while lines[line - 1].lstrip().startswith("#") or not lines[line - 1].strip():
        line -= 1
    return line
