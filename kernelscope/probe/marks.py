"""What the attributes of many objects are bound to, compared in C with what it was at the last look.

Sees: an attribute that holds another object; an item of a list of parts that does; a tensor of a network that is
another one, or was written.  Cannot see: what was written into an array, a list or a dict in place, and another
object at the address of the one before.  A look at the content shows both.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any, Callable, Iterable

from .identity import target_of
from .library import LibraryReader
from .tracked import TrackedObject

_CHUNK = 32
"""Objects that are compared at once; if one of them differs, each is compared by itself."""
_get = object.__getattribute__
_values_of = dict.values


def take_mark(obj: Any, tracked: TrackedObject, reader: LibraryReader) -> None:
    """Keep what the object's attributes hold."""
    tracked.mark = _own_mark(obj) if tracked.is_plain else ()
    tracked.further_mark = _further_mark(obj, tracked, reader)


def _own_mark(obj: Any) -> tuple[int, ...]:
    return tuple(map(id, _values_of(_get(obj, "__dict__"))))


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
    """The marks of all objects in sight.

    Args:
        reader_of: gives the reader of an object.
    """

    def __init__(self, reader_of: Callable[[Any], LibraryReader]) -> None:
        self._reader_of = reader_of
        self._chunks: list[_Chunk] = []
        self._further: list[TrackedObject] = []
        """Those of which more than the attributes is compared."""
        self.compared = 0
        """Objects that the last comparison went through one by one."""

    def rebuild(self, objects: Iterable[TrackedObject]) -> None:
        """Compare these objects from now on; each has its mark."""
        objects = list(objects)
        plain = [tracked for tracked in objects if tracked.is_plain]
        self._chunks = [_Chunk(plain[at : at + _CHUNK]) for at in range(0, len(plain), _CHUNK)]
        self._further = [tracked for tracked in objects if tracked.further_mark]

    def refresh(self) -> None:
        """Some objects have got another mark."""
        for chunk in self._chunks:
            chunk.refresh()
        self._further = [t for chunk in self._chunks for t in chunk.objects if t.further_mark]

    def find_changed(self) -> list[TrackedObject]:
        """The objects whose attributes hold something else; those that are gone are among them."""
        differing = [chunk for chunk in self._chunks if not chunk.is_same()]
        suspects = list(chain.from_iterable(chunk.objects for chunk in differing))
        self.compared = len(suspects) + len(self._further)
        changed = {id(tracked): tracked for tracked in suspects if self._has_other_attributes(tracked)}
        changed.update((id(t), t) for t in self._further if id(t) not in changed and self._differs_further(t))
        return list(changed.values())

    def _has_other_attributes(self, tracked: TrackedObject) -> bool:
        obj = target_of(tracked.reference)
        return obj is None or _own_mark(obj) != tracked.mark

    def _differs_further(self, tracked: TrackedObject) -> bool:
        obj = target_of(tracked.reference)
        return obj is None or _further_mark(obj, tracked, self._reader_of(obj)) != tracked.further_mark


class _Chunk:
    """A few objects, and the ids of what all their attributes hold."""

    __slots__ = ("_ids", "_references", "objects")

    def __init__(self, objects: list[TrackedObject]) -> None:
        self.objects = objects
        self._references: list[Any] = [tracked.reference for tracked in objects]
        self.refresh()

    def refresh(self) -> None:
        self._ids = tuple(chain.from_iterable([tracked.mark for tracked in self.objects]))

    def is_same(self) -> bool:
        """Whether the attributes of all hold what they held."""
        found = [reference() for reference in self._references]
        try:
            own = map(_values_of, map(_get, found, repeat("__dict__")))
            return tuple(map(id, chain.from_iterable(own))) == self._ids
        except (AttributeError, RuntimeError):  # one is gone, or another thread changes one
            return False
