"""What is compared of one model's attributes to know whether its content is what it was."""

from __future__ import annotations

from operator import is_
from typing import Any

from .identity import Binding
from .types import ndarray_type
from .values import ValueReader

_get = object.__getattribute__


class Content:
    """The content of one object's attributes, by their places in its instance dictionary.

    Args:
        bindings: names and bindings of all attributes, in their order.
    """

    __slots__ = ("_arrays", "_bindings", "_ids", "_names", "_others")

    def __init__(self, bindings: list[tuple[str, Binding]]) -> None:
        self._names = [name for name, _ in bindings]
        self._bindings = [binding for _, binding in bindings]
        self._ids = [binding.address for binding in self._bindings]
        self._arrays: list[tuple[int, bytes]] = []
        """Small arrays, and their bytes."""
        self._others: list[tuple[int, Binding]] = []
        """What may have another content without being another object."""
        for place, binding in enumerate(self._bindings):
            if binding.is_array and binding.raw is not None:
                self._arrays.append((place, binding.raw))
            elif not binding.is_settled:
                self._others.append((place, binding))

    def is_same(self, obj: Any, reader: ValueReader) -> bool:
        """Whether each attribute holds what it held."""
        own = _get(obj, "__dict__")
        if len(own) != len(self._names):
            return False
        values: list[Any] = list(own.values())
        # A key that is no plain name may define `__eq__`.
        if list(map(id, values)) != self._ids or not all(map(is_, own, self._names)):
            return False
        if reader.is_thorough and not all(b.holds(v) for b, v in zip(self._bindings, values)):
            return False
        array = ndarray_type()
        for place, raw in self._arrays:
            if type(values[place]) is not array or values[place].tobytes() != raw:
                return False
        return all(reader.is_still(values[place], binding) for place, binding in self._others)
