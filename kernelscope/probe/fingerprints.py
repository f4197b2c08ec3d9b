"""The content of containers and plain objects, kept so that an unchanged one is known without hashing it again.

A fingerprint is the ids of all that is in a value, level by level, and the bytes of its small arrays.  The atoms in
it are kept, so that no other gets the address of one.  Two that are equal stand for the same content; from two that
differ nothing follows before the content is hashed.
"""

from __future__ import annotations

import types
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable

from .types import (
    ATOMS,
    ESTIMATOR,
    TypeCache,
    class_attribute,
    instance_dict,
    is_atom,
    is_small_atom,
    mro_of,
    ndarray_type,
)

if TYPE_CHECKING:
    from .identity import Tokens

_MOST_ITEMS = 200
"""Of one container; what holds more has no fingerprint."""
_MOST_IDS = 2_000
_MOST_DEPTH = 6
_MOST_TOKENS = 16
"""Of a list with more models than this (a forest) the ids must do."""
_NAMED = (types.BuiltinFunctionType, type)

OF_THE_VIEW = frozenset({"_fill_value", "_sharedmask", "_basedict", "_optinfo"})
"""Of a masked array: what showing it, or sharing its mask, sets in passing (numpy/ma/core.py)."""


class Fingerprint:
    """What one value held."""

    __slots__ = ("ids", "kept", "raws")

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.raws: list[bytes] = []
        self.kept: list[Any] = []
        """The atoms in it."""


class _CannotCompareError(Exception):
    """There is something in it of which only a hash of its content can tell whether it is the same."""


class FingerprintReader:
    """Takes fingerprints, and compares with them.

    Args:
        small_bytes: gives the bytes of a small array or scalar of numpy's; ``None`` for anything else.
    """

    def __init__(self, types_: TypeCache, tokens: Tokens, small_bytes: Callable[[Any], bytes | None]) -> None:
        self._types, self._tokens, self._small_bytes = types_, tokens, small_bytes

    def take(self, value: Any) -> Fingerprint | None:
        """The fingerprint of what is no atom and no array by itself; ``None`` if only a hash can tell."""
        taken = Fingerprint()
        try:
            self._flatten(value, taken, keep=True)
            is_whole = True
        except (_CannotCompareError, RuntimeError):  # another thread changes it
            is_whole = False
        return taken if is_whole else None

    def is_same(self, value: Any, before: Fingerprint) -> bool:
        """Whether a value holds what it held when this was taken."""
        now = Fingerprint()
        try:
            self._flatten(value, now, keep=False)
            is_same = now.ids == before.ids and now.raws == before.raws
        except (_CannotCompareError, RuntimeError):
            is_same = False
        return is_same

    def _flatten(self, value: Any, into: Fingerprint, *, keep: bool) -> None:
        level = [self._items_of(value, into)]
        for _ in range(_MOST_DEPTH):
            below: list[list[Any]] = []
            for items in level:
                into.ids.append(len(items))
                into.ids += map(id, items)
                kinds = {id(kind): kind for kind in map(type, items)}
                if len(items) > _MOST_TOKENS and self._are_models(kinds):
                    continue
                has_atoms = not ATOMS.isdisjoint(kinds)
                if has_atoms and keep:
                    into.kept += _kept_atoms(items)
                if not has_atoms or not ATOMS.issuperset(kinds):
                    self._add_rest([i for i in items if not is_atom(i)] if has_atoms else items, into, below)
            if not below:
                return
            if len(into.ids) > _MOST_IDS:
                break
            level = below
        raise _CannotCompareError

    def _add_rest(self, rest: list[Any], into: Fingerprint, below: list[list[Any]]) -> None:
        for item in rest:
            raw = self._small_bytes(item)
            if raw is not None:
                into.raws.append(raw)
                into.ids += (item.dtype.num, *item.shape)
            elif self._types.of(type(item)).kind == ESTIMATOR:
                into.ids.append(self._tokens.of(item))
            else:
                below.append(self._items_of(item, into))

    def _are_models(self, kinds: dict[int, type]) -> bool:
        return all(self._types.of(kind).kind == ESTIMATOR for kind in kinds.values())

    def _items_of(self, value: Any, into: Fingerprint) -> list[Any]:
        """What a value holds, as far as its content is hashed: no more, and no less."""
        kind = type(value)
        if kind is list or kind is tuple:
            return list(value) if len(value) <= _MOST_ITEMS else _refuse()
        if kind is dict:
            return _pairs(value)
        if kind is types.BuiltinFunctionType or kind is type:
            return []
        if kind is types.FunctionType:
            return (
                [value.__defaults__, value.__kwdefaults__, value.__code__.co_consts]
                if value.__closure__ is None
                else _refuse()
            )
        return self._attributes_of(value, into)

    def _attributes_of(self, value: Any, into: Fingerprint) -> list[Any]:
        info = self._types.of(type(value))
        getters = self._types.tables.c_state.get(info.name)
        if getters is not None:
            state = [c_get(value, name) for name in getters]
            into.raws += [repr(one).encode() for one in state if is_atom(one)]
            return [one for one in state if not is_atom(one)]
        own = instance_dict(value)
        if own is None or not info.name.startswith(self._types.tables.plain_packages):
            return _refuse()
        if any(base is ndarray_type() for base in mro_of(type(value))):
            array = ndarray_type().view(value, ndarray_type())  # type: ignore[attr-defined]
            raw = self._small_bytes(array)
            if raw is None:
                return _refuse()
            into.raws.append(raw)
            into.ids += (array.dtype.num, *array.shape)
            own = {n: v for n, v in list(own.items()) if type(n) is str and n not in OF_THE_VIEW}
        return _pairs(own)


def _pairs(mapping: dict[Any, Any]) -> list[Any]:
    if len(mapping) > _MOST_ITEMS:
        return _refuse()
    return [*islice(mapping, _MOST_ITEMS), *islice(mapping.values(), _MOST_ITEMS)]


def _refuse() -> list[Any]:
    raise _CannotCompareError


def _kept_atoms(items: list[Any]) -> list[Any]:
    atoms = [item for item in items if is_atom(item)]
    return atoms if all(map(is_small_atom, atoms)) else _refuse()


def c_get(value: Any, name: str) -> object:
    """An attribute in C; ``None`` if it is none."""
    descriptor = class_attribute(type(value), name)
    if type(descriptor) is not types.GetSetDescriptorType:
        return None
    return descriptor.__get__(value)
