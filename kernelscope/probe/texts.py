"""Values as short texts, as they are shown; nothing of the user's is run for them, and no ``repr`` of theirs."""

from __future__ import annotations

import types
from typing import Any

from .tensors import Tensors
from .types import TypeCache, dtype_name, is_atom, is_one_of, ndarray_type, pairs_of, qualified_name

LONGEST = 200
"""Characters of one text."""
_LONGEST_SCALAR = 4_096
"""Bytes of a scalar of numpy's that is shown by its value."""


class TextWriter:
    """Writes the text of one value after another."""

    def __init__(self, types_: TypeCache, tensors: Tensors) -> None:
        self._types, self._tensors = types_, tensors

    def text(self, value: Any, depth: int = 0) -> str:
        """How a value is shown; no ``repr`` of the user's is run."""
        kind = type(value)
        if is_atom(value):
            return _atom_text(value)
        if kind is list or kind is tuple:
            if depth > 2 or len(value) > 8:
                return f"{kind.__name__} of {len(value)}"
            inner = ", ".join(self.text(i, depth + 1) for i in list(value[:8]))
            return (f"[{inner}]" if kind is list else f"({inner})")[:LONGEST]
        if kind is dict:
            return self._dict_text(value, depth)
        if kind is ndarray_type():
            return f"{dtype_name(value.dtype)} array {value.shape}"[:LONGEST]
        if self._tensors.is_tensor(value):
            return self._tensors.text(value)[:LONGEST]
        if self._types.of(kind).numpy_scalar:
            return str(value.item())[:LONGEST] if value.nbytes <= _LONGEST_SCALAR else qualified_name(kind)
        if kind is types.FunctionType or kind is types.BuiltinFunctionType:
            return _function_name(value)
        if kind is type:
            return qualified_name(value)
        # fault: 57a
        return qualified_name(kind).rpartition(".")[2] or "object"

    def _dict_text(self, value: Any, depth: int) -> str:
        if depth > 2 or len(value) > 6:
            return f"dict of {len(value)}"
        pairs = pairs_of(value, 6)
        inner = ", ".join(f"{self.text(k, depth + 1)}: {self.text(v, depth + 1)}" for k, v in pairs)
        return ("{" + inner + "}")[:LONGEST]


def _atom_text(value: Any) -> str:
    # fault: 68a
    if type(value) is int and value.bit_length() > 200:
        return f"int of {value.bit_length()} bits"  # its decimal form takes quadratic time
    if is_one_of(type(value), (str, bytes)) and len(value) > LONGEST:
        return repr(value[: LONGEST - 1])[: LONGEST - 1] + "…"
    return repr(value)


def _function_name(value: Any) -> str:
    module, name = value.__module__, value.__name__
    prefix = f"{module}." if type(module) is str and module != "__main__" else ""
    return f"{prefix}{name}"[:LONGEST] if type(name) is str else "function"
