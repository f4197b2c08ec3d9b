"""What the attributes of many objects are bound to, compared in C with what it was at the last look.

Sees: an attribute that holds another object; an item of a list of parts that does; a tensor of a network that is
another one, or was written.  Cannot see: what was written into an array, a list or a dict in place, and another
object at the address of the one before.  A look at the content shows both.
"""

from __future__ import annotations

from itertools import chain, repeat
from operator import is_not
from typing import Any, Callable

from .identity import target_of
from .library import LibraryReader
from .tracked import TrackedObject

_CHUNK = 32
"""Objects that are compared at once; if one of them differs, each is compared by itself."""
_UNKNOWN = (-1,)
"""No address: it differs from every mark but itself."""
_get = object.__getattribute__
_values_of = dict.values


def take_mark(obj: Any, tracked: TrackedObject, reader: LibraryReader) -> None:
    """Keep what the object's attributes hold."""
    tracked.mark = _own_mark(obj) if tracked.is_plain else ()
    tracked.further_mark = _further_mark(obj, tracked, reader)


def _own_mark(obj: Any) -> tuple[int, ...]:
    try:
        return tuple(map(id, _values_of(_get(obj, "__dict__"))))
    except RuntimeError:  # another thread changes it
        return _UNKNOWN


def _further_mark(obj: Any, tracked: TrackedObject, reader: LibraryReader) -> tuple[Any, ...]:
    """Ids of the items of its lists of parts and of its tensors, and how often these were written."""
    marks: list[Any] = []
    if tracked.lists:
        own = _get(obj, "__dict__")
        for name in tracked.lists:
            value = dict.get(own, name)
            if type(value) is list or type(value) is tuple:
                marks += map(id, value)
    counts = reader.write_counts(obj) if reader.is_linked else None
    if counts is not None:
        marks += map(id, reader.owned_tensors(obj))
        marks += counts
    return tuple(marks)


class MarkTable:
    """The marks of all objects in sight, in chunks.

    Args:
        reader_of: gives the reader of an object.
    """

    def __init__(self, reader_of: Callable[[Any], LibraryReader]) -> None:
        self._reader_of = reader_of
        self._chunks: list[_Chunk] = []
        self._with_room: list[_Chunk] = []
        self._chunk_of: dict[int, _Chunk] = {}
        """By token."""
        self._dirty: dict[int, _Chunk] = {}
        """Chunks in which an object has got another mark, by id."""
        self._further: dict[int, TrackedObject] = {}
        """Those of which more than the attributes is compared, by token."""
        self.compared = 0
        """Objects that the last comparison went through one by one."""

    def add(self, token: int, tracked: TrackedObject) -> None:
        """Compare this object from now on; it has its mark."""
        if tracked.is_plain:
            chunk = self._chunk_of[token] = self._chunk_with_room()
            chunk.objects[token] = tracked
        self.note(token, tracked)

    def _chunk_with_room(self) -> _Chunk:
        while self._with_room and len(self._with_room[-1].objects) >= _CHUNK:
            self._with_room.pop()
        if not self._with_room:
            self._with_room.append(_Chunk())
            self._chunks.append(self._with_room[-1])
        return self._with_room[-1]

    def discard(self, token: int) -> None:
        """Compare this object no more."""
        chunk = self._chunk_of.pop(token, None)
        self._further.pop(token, None)
        if chunk is not None:
            del chunk.objects[token]
            self._dirty[id(chunk)] = chunk
            self._with_room.append(chunk)

    def note(self, token: int, tracked: TrackedObject) -> None:
        """An object has got another mark."""
        chunk = self._chunk_of.get(token)
        if chunk is not None:
            self._dirty[id(chunk)] = chunk
        if tracked.further_mark:
            self._further[token] = tracked
        else:
            self._further.pop(token, None)

    def settle(self) -> None:
        """Take the marks that the objects have now for what the next comparison is with."""
        for chunk in self._dirty.values():
            chunk.refresh()
        if any(not chunk.objects for chunk in self._dirty.values()):
            self._chunks = [chunk for chunk in self._chunks if chunk.objects]
            self._with_room = [chunk for chunk in self._with_room if chunk.objects]
        self._dirty = {}

    def find_changed(self) -> dict[int, TrackedObject]:
        """By token, the objects whose attributes hold something else; those that are gone are among them."""
        changed: dict[int, TrackedObject] = {}
        self.compared = len(self._further)
        for chunk in self._chunks:
            if not chunk.is_same():
                self.compared += len(chunk.objects)
                changed.update((k, t) for k, t in chunk.objects.items() if _has_other_attributes(t))
        for token, tracked in self._further.items():
            if token not in changed and self._differs_further(tracked):
                changed[token] = tracked
        return changed

    def _differs_further(self, tracked: TrackedObject) -> bool:
        obj = target_of(tracked.reference)
        return obj is None or _further_mark(obj, tracked, self._reader_of(obj)) != tracked.further_mark


def _has_other_attributes(tracked: TrackedObject) -> bool:
    obj = target_of(tracked.reference)
    if obj is None or tracked.mark is _UNKNOWN:
        return True
    return _own_mark(obj) != tracked.mark


class _Chunk:
    """A few objects, by token, and the ids of what all their attributes hold."""

    __slots__ = ("_ids", "_references", "objects")

    def __init__(self) -> None:
        self.objects: dict[int, TrackedObject] = {}
        self.refresh()

    def refresh(self) -> None:
        self._references: list[Any] = [tracked.reference for tracked in self.objects.values()]
        self._ids = tuple(chain.from_iterable([tracked.mark for tracked in self.objects.values()]))

    def is_same(self) -> bool:
        """Whether the attributes of all hold what they held."""
        objects = [reference() for reference in self._references]
        if not all(map(is_not, objects, repeat(None))):
            return False  # one is gone
        try:
            own = map(_values_of, map(_get, objects, repeat("__dict__")))
            is_same = tuple(map(id, chain.from_iterable(own))) == self._ids
        except RuntimeError:  # another thread changes one
            is_same = False
        return is_same
