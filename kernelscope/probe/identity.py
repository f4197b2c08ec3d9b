"""Tokens: which object is which, for as long as it lives and never again after.

CPython hands ``id()`` out again as soon as an object is freed, so an id names an object only
together with a weak reference that is still alive.

Sees: re-creation in every form, also at the same address and with equal contents; an attribute that
was bound to another object and back.  Cannot see: an object without weak references (a list, a dict, a
class with ``__slots__``) that was replaced by another of the same type at the same address; of those
the content tells.  An array of numpy's that owns its memory gets no weak reference, either, as numpy
then refuses to ``resize`` it in place; its address and that of its memory must do.
"""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING, Union

from .types import class_dict, is_small_atom, mro_of, ndarray_type

if TYPE_CHECKING:
    from .fingerprints import Fingerprint


class Unreferable:
    """Stands where a weak reference would, for an object that allows none.

    The id alone must do then: it may have been handed out again to an object of the same type.
    """

    __slots__ = ("_memory", "_type")

    def __init__(self, obj: object, memory: int = 0) -> None:
        self._type = weakref.ref(type(obj))  # the user's class is not kept alive either
        self._memory = memory
        """Where an array's own memory lies; 0 for anything else."""

    def may_be(self, obj: object) -> bool:
        """Whether an object at the same address may be the one that was meant."""
        return self._type() is type(obj) and (not self._memory or own_memory(obj) == self._memory)


# fault: 55b
if TYPE_CHECKING:
    # Made at run time it would stay in a cache of `typing`, and with the class the module and all it holds.
    Reference = Union["weakref.ref[object]", Unreferable]


class Tokens:
    """One number per object, in order of first sight, never reused."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[Reference, int]] = {}
        self._numbers = itertools.count(1)  # in C: the user's threads may fit at the same time
        self._sweep_at = 1_024

    def of(self, obj: object) -> int:
        """The object's token; a new one on first sight."""
        known = self.find_token(obj)
        if known is not None:
            return known
        token = next(self._numbers)
        self._by_id[id(obj)] = (reference_to(obj), token)
        if len(self._by_id) > self._sweep_at:
            self._sweep()
        return token

    def find_token(self, obj: object) -> int | None:
        """The object's token, or ``None`` where it was never seen."""
        entry = self._by_id.get(id(obj))
        if entry is None:
            return None
        reference, token = entry
        return token if _refers(reference, obj) else None

    def _sweep(self) -> None:
        """Forgets the dead, so that the table grows with what lives."""
        self._by_id = {key: entry for key, entry in self._by_id.copy().items() if not is_dead(entry[0])}
        self._sweep_at = max(1_024, 2 * len(self._by_id))


def reference_to(obj: object) -> Reference:
    """A weak reference, or what stands for it."""
    memory = own_memory(obj)
    if memory:
        return Unreferable(obj, memory)
    try:
        # fault: 54a
        return weakref.ref(obj)
    except TypeError:
        return Unreferable(obj)


def own_memory(obj: object) -> int:
    """The address of the memory that an array of numpy's owns; 0 for what is none, or is a view."""
    array = ndarray_type()
    if not any(base is array for base in mro_of(type(obj))):
        return 0
    own = class_dict(array)
    if not own["flags"].__get__(obj).owndata:
        return 0
    address: int = own["__array_interface__"].__get__(obj)["data"][0]
    return address


def target_of(reference: Reference) -> object | None:
    """The object, where it is known to be alive."""
    return None if type(reference) is Unreferable else reference()  # type: ignore[operator]


def is_dead(reference: Reference) -> bool:
    """Whether the object is known to be gone."""
    return type(reference) is not Unreferable and reference() is None  # type: ignore[operator]


def _refers(reference: Reference, obj: object) -> bool:
    if type(reference) is Unreferable:
        return reference.may_be(obj)
    # fault: 53a
    return reference() is obj  # type: ignore[operator]


class Binding:
    """What one attribute was bound to at the last look, and how often it was rebound."""

    __slots__ = (
        "_id",
        "_value",
        "digest",
        "fingerprint",
        "full",
        "is_constant",
        "kind_id",
        "lacks_values",
        "late",
        "raw",
        "serial",
        "text",
        "version",
    )

    def __init__(self) -> None:
        self._id = 0
        self.kind_id = 0
        """Of its type."""
        self._value: object = None
        """The value itself where it is a small atom, else a reference to it."""
        self.serial = 0
        self.raw: bytes | None = None
        """Bytes of a small array, or samples of a tensor: an unchanged one is not hashed again."""
        self.fingerprint: Fingerprint | None = None
        """Of a container: an unchanged one is not hashed again."""
        self.version: int | None = None
        """Of a tensor: how often it had been written in place."""
        self.digest: str | None = None
        self.is_constant = False
        """A model, whose content is compared by itself, or a tuple of what cannot change."""
        self.full: str | None = None
        """Digest of all content, of what is read in samples at most looks."""
        self.text = ""
        self.lacks_values = False
        """A tensor whose values are not made yet."""
        self.late = False
        """The content is not what was evaluated last: there was no time left, or the look was broken off."""

    def holds(self, value: object) -> bool:
        """Whether this is still the object that was bound at the last look.

        Exact for atoms and for what allows weak references; for a list or dict its address must do,
        and its content tells the rest.
        """
        if self._id != id(value):
            return False
        bound = self._value
        if type(bound) is weakref.ref:
            return bound() is value
        return bound.may_be(value) if type(bound) is Unreferable else bound is value

    @property
    def address(self) -> int:
        """Of what it is bound to."""
        return self._id

    @property
    def is_array(self) -> bool:
        """Whether it is bound to an array of exactly numpy's type."""
        return self.kind_id == id(ndarray_type())

    @property
    def is_settled(self) -> bool:
        """Whether what it is bound to cannot change, or only unseen."""
        if self.late:
            return False
        return self.digest is None or self.is_constant or is_small_atom(self._value)

    def doubt(self) -> None:
        """A look was broken off: what it noted here may be half done."""
        self.raw = self.fingerprint = self.full = None
        self.late = True

    def bind(self, value: object) -> None:
        """Note another object; the first one does not count."""
        if self._id:
            self.serial += 1
        self._id, self.kind_id = id(value), id(type(value))
        self.raw = self.fingerprint = self.full = None
        self.is_constant = False
        # fault: 69a
        self._value = value if is_small_atom(value) else reference_to(value)
