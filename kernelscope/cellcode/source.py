"""The source of a cell as a tree, with what its magics run."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

from kernelscope.cellcode.magics import read_magics, without_magics

_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Cell magics that run the rest of the cell as Python."""


@lru_cache(maxsize=512)
def parse_cell(code: str) -> ast.Module | None:
    """The syntax tree of a cell; ``None`` if it is no Python.

    Args:
        code: as IPython has transformed it if that is known, else as the user typed it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" the user has read in the kernel
            return read_magics(_parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parse(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError:
        first = code.lstrip().partition("\n")[0]
        if first.startswith("%%") and first.split()[0] not in _PYTHON_CELL_MAGICS:
            raise  # another language, or an unknown magic: no Python
        return ast.parse(without_magics(code))
