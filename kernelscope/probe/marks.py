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


_LISTS = frozenset((id(list), id(tuple)))
"""Ids of the types whose items are compared: those of a subclass could run the user's code."""


def take_mark(obj: Any, tracked: TrackedObject, reader: LibraryReader) -> None:
    """Keep what the object's attributes hold."""
    tracked.mark = _own_mark(obj) if tracked.is_plain else ()
    tracked.list_mark = _list_mark(obj, tracked)
    tracked.tensor_mark = _tensor_mark(obj, reader)


def _own_mark(obj: Any) -> tuple[int, ...]:
    try:
        return tuple(map(id, _values_of(_get(obj, "__dict__"))))
    except RuntimeError:  # another thread changes it
        return _UNKNOWN


def _list_mark(obj: Any, tracked: TrackedObject) -> tuple[tuple[int, ...], ...]:
    """Ids of the items of each of its lists of parts."""
    if not tracked.lists:
        return ()
    own = _get(obj, "__dict__")
    lists: list[Any] = [dict.get(own, name) for name in tracked.lists]
    return tuple(tuple(map(id, one)) if id(type(one)) in _LISTS else _UNKNOWN for one in lists)


def _tensor_mark(obj: Any, reader: LibraryReader) -> tuple[Any, ...]:
    """Ids of its tensors, and how often these were written."""
    counts = reader.write_counts(obj) if reader.is_linked else None
    return () if counts is None else (*map(id, reader.owned_tensors(obj)), *counts)


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
        self._with_tensors: dict[int, TrackedObject] = {}
        """Those whose tensors are compared, by token."""
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
        self._with_tensors.pop(token, None)
        if chunk is not None:
            del chunk.objects[token]
            self._dirty[id(chunk)] = chunk
            self._with_room.append(chunk)

    def note(self, token: int, tracked: TrackedObject) -> None:
        """An object has got another mark."""
        chunk = self._chunk_of.get(token)
        if chunk is not None:
            self._dirty[id(chunk)] = chunk
        if tracked.tensor_mark:
            self._with_tensors[token] = tracked
        else:
            self._with_tensors.pop(token, None)

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
        self.compared = len(self._with_tensors)
        for chunk in self._chunks:
            if not chunk.is_same():
                self.compared += len(chunk.objects)
                changed.update((k, t) for k, t in chunk.objects.items() if _has_other_attributes(t))
        for token, tracked in self._with_tensors.items():
            if token not in changed and self._has_other_tensors(tracked):
                changed[token] = tracked
        return changed

    def _has_other_tensors(self, tracked: TrackedObject) -> bool:
        obj = target_of(tracked.reference)
        return obj is None or _tensor_mark(obj, self._reader_of(obj)) != tracked.tensor_mark


def _has_other_attributes(tracked: TrackedObject) -> bool:
    obj = target_of(tracked.reference)
    if obj is None or tracked.mark is _UNKNOWN:
        return True
    return _own_mark(obj) != tracked.mark or _list_mark(obj, tracked) != tracked.list_mark


class _Chunk:
    """A few objects, by token, and the ids of what all their attributes and lists hold."""

    __slots__ = ("_holders", "_ids", "_list_ids", "_list_names", "_list_sizes", "_references", "objects")

    def __init__(self) -> None:
        self.objects: dict[int, TrackedObject] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take the marks of the objects."""
        every = list(self.objects.values())
        self._references: list[Any] = [tracked.reference for tracked in every]
        self._ids = tuple(chain.from_iterable([tracked.mark for tracked in every]))
        marks = [mark for tracked in every for mark in tracked.list_mark]
        self._list_names = [name for tracked in every for name in tracked.lists]
        self._holders = [place for place, tracked in enumerate(every) for _ in tracked.lists]
        self._list_sizes = tuple(map(len, marks))
        self._list_ids = tuple(chain.from_iterable(marks))

    def is_same(self) -> bool:
        """Whether the attributes of all hold what they held, and the lists among them, too."""
        objects = [reference() for reference in self._references]
        if not all(map(is_not, objects, repeat(None))):
            return False  # one is gone
        own = list(map(_get, objects, repeat("__dict__")))
        try:
            is_same = tuple(map(id, chain.from_iterable(map(_values_of, own)))) == self._ids
        except RuntimeError:  # another thread changes one
            is_same = False
        return is_same and (not self._list_names or self._has_same_lists(own))

    def _has_same_lists(self, own: list[Any]) -> bool:
        lists: list[Any] = list(map(dict.get, [own[place] for place in self._holders], self._list_names))
        if not _LISTS.issuperset(map(id, map(type, lists))) or tuple(map(len, lists)) != self._list_sizes:
            return False
        return tuple(map(id, chain.from_iterable(lists))) == self._list_ids
