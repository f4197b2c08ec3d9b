"""Tensors of any library, read without running the user's code: by the ``TensorReader`` of the library.

A reader knows exact types of its own library and reads them by their C-level getters.  What lies on another device
than the CPU, or in a form that numpy does not have, is not read: to move it here would wait for the device.
"""

from __future__ import annotations

from typing import Any

WHOLE = 1 << 14
"""Bytes of a tensor that are always read in full."""
SAMPLES = 1_024
"""Items of a larger one that are read: a step of any optimizer changes nearly all of them, and the
count of writes tells of one that changes few."""


class TensorReader:
    """How the tensors of one library are read."""

    def types(self) -> list[type]:
        """The exact types that it reads; empty until the library is imported."""
        return []

    def content(self, tensor: Any) -> Any:
        """A numpy array over the content, not a copy if the library can do without; ``None`` if it cannot be read.

        May raise what the library raises.
        """
        return None

    def version(self, tensor: Any) -> int | None:
        """How often it was written in place; ``None`` if the library does not count."""
        return None

    def has_gradient(self, tensor: Any) -> bool:
        """Whether it has been through a backward pass whose gradient is still there."""
        return False

    def type_and_shape(self, tensor: Any) -> tuple[str, tuple[int, ...]] | None:
        """The name of its element type, and its shape; ``None`` if it has none yet."""
        return None


class TensorContent:
    """One tensor, as it was at one moment."""

    __slots__ = ("raw", "version", "whole")

    def __init__(self, raw: bytes | None, whole: bool, version: int | None) -> None:
        self.raw, self.whole, self.version = raw, whole, version


class Tensors:
    """The tensor readers of all libraries, by the types that they read.

    Types are known by their ids: these types never go away, and hashing a type could run its metaclass.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[str, TensorReader]] = []
        """By folder, those whose library is not imported yet."""
        self._readers: dict[int, tuple[str, TensorReader]] = {}

    def add(self, folder: str, reader: TensorReader) -> None:
        """One more library."""
        self._waiting.append((folder, reader))

    def remove(self, folder: str) -> None:
        """Read no tensors of this library any more."""
        self._waiting = [entry for entry in self._waiting if entry[0] != folder]
        self._readers = {key: entry for key, entry in self._readers.items() if entry[0] != folder}

    def refresh(self) -> None:
        """Look for libraries that have been imported since the last look."""
        for entry in list(self._waiting):
            types = entry[1].types()
            if types:
                self._waiting.remove(entry)
                self._readers.update((id(kind), entry) for kind in types)

    def is_tensor(self, value: object) -> bool:
        """Whether it is of a tensor type that can be read here."""
        return id(type(value)) in self._readers

    def version(self, value: object) -> int | None:
        """How often a tensor was written in place; ``None`` for what does not count it."""
        reader = self._readers.get(id(type(value)))
        return None if reader is None else reader[1].version(value)

    def has_gradient(self, value: object) -> bool:
        """Whether a parameter has been through a backward pass, and its gradient is still there."""
        reader = self._readers.get(id(type(value)))
        return reader is not None and reader[1].has_gradient(value)

    def content(self, value: Any) -> Any:
        """A numpy array over a tensor's content; ``None`` if it cannot be read."""
        reader = self._readers[id(type(value))][1]
        try:
            return reader.content(value)
        except Exception as error:  # a library's refusal, whatever its type: the content stays unread
            if type(error) is TimeoutError:  # the user's
                raise
            return None

    def text(self, value: Any) -> str:
        """A tensor's element type and shape."""
        known = self._type_and_shape(value)
        return "tensor" if known is None else f"{known[0]} tensor {known[1]}"

    def lacks_values(self, value: Any) -> bool:
        """Whether a tensor's values are not made yet."""
        known = self._type_and_shape(value)
        return known is None or known[1] == (0,)

    def _type_and_shape(self, value: Any) -> tuple[str, tuple[int, ...]] | None:
        return self._readers[id(type(value))][1].type_and_shape(value)

    def read(self, value: Any) -> TensorContent:
        """The bytes of a small tensor, or of items spread evenly over a large one, and its version."""
        array = self.content(value)
        if array is None or array.dtype.hasobject:
            return TensorContent(None, False, self.version(value))
        whole = array.nbytes <= WHOLE
        # `flat` picks items in C, whatever the strides; an odd step does not stay in one column.
        picked = array if whole else array.flat[:: max(1, array.size // SAMPLES) | 1]
        return TensorContent(picked.tobytes(), whole, self.version(value))
