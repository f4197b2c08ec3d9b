"""What the names of a namespace reach, compared with what they reached at the last walk, without walking again.

Most runs bind no other model: they compute numbers, or fit the model that a name holds.  So each container that a
walk opened is kept as ids and types of what it held, and these are compared in C.  Only what could hold or be a
model counts: another number changes nothing, whether a name holds it or a list.

Sees: a name, an item or an attribute that holds another object, or one of another type at the same address.
Cannot see: another object of the same type at the same address.  What that holds in turn tells, if it is a
container; a model's weak reference does, if it is a model.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Sequence

from .types import OPAQUE, TypeCache, instance_dict, pairs_of

MOST_ITEMS = 64
"""Items of one container that are looked at: a list of a million floats costs 21 ms in full."""


class Node:
    """One container, or one object of the user's, as it was when a walk opened it."""

    __slots__ = ("children", "ids", "keys", "places", "size", "types")

    def __init__(self) -> None:
        self.size = 0
        self.types: tuple[int, ...] = ()
        """Ids of the types of the first items."""
        self.places: list[int] = []
        """Of those that are models, or may hold one."""
        self.ids: tuple[int, ...] = ()
        """Of these."""
        self.keys: tuple[Any, ...] = ()
        """Of these, if they have keys; kept, so that no other key gets the address of one."""
        self.children: list[tuple[int, Node]] = []
        """By place, what was opened, too."""

    def note_items(
        self, keys: Sequence[Any] | None, values: Sequence[Any], places: list[int], size: int
    ) -> None:
        """Keep what it holds, and at which places there may be models."""
        self.size, self.types, self.places = size, type_ids(values), places
        self.ids = tuple(id(values[place]) for place in places)
        self.keys = () if keys is None else tuple(keys[place] for place in places)


class Structure:
    """What the last walk opened."""

    def __init__(self, types_: TypeCache) -> None:
        self._types = types_
        self._root: Node | None = None
        self._names: list[str] = []

    def keep(self, names: list[str], root: Node) -> None:
        """Take what a walk has opened for what there is."""
        self._names, self._root = names, root

    def forget(self) -> None:
        """Whatever there is, it differs."""
        self._root = None

    def is_same(self, names: list[str], values: list[Any]) -> bool:
        """Whether another walk would come upon the same objects under the same names."""
        root = self._root
        if root is None or (names != self._names and not self._take_names(root, names, values)):
            return False
        return self._holds_still(root, values) and self._are_children_same(root, values)

    def _take_names(self, root: Node, names: list[str], values: list[Any]) -> bool:
        """Names have come or gone; whether none of them holds, or held, what counts.  Keeps them then."""
        place_of = dict(zip(names, range(len(names))))
        places = [place_of.get(self._names[place], -1) for place in root.places]
        if -1 in places:
            return False
        known = dict(zip(self._names, root.types))
        if any(name not in known and self._counts(values[place]) for name, place in place_of.items()):
            return False
        moved = dict(zip(root.places, places))
        root.types = tuple(known.get(name) or id(type(value)) for name, value in zip(names, values))
        root.children = [(moved[place], child) for place, child in root.children]
        root.places, self._names, root.size = places, names, len(names)
        return True

    def _is_same(self, node: Node, value: Any) -> bool:
        keys, values, size = first_items(value)
        if size != node.size and max(size, node.size) > MOST_ITEMS:
            return False
        if keys is not None and any(
            keys[i] is not k for i, k in zip(node.places, node.keys) if i < len(keys)
        ):
            return False
        return self._holds_still(node, values) and self._are_children_same(node, values)

    def _holds_still(self, node: Node, values: list[Any]) -> bool:
        types = type_ids(values)
        if types != node.types:
            if len(types) <= max(node.places, default=-1) or not self._are_types_equivalent(
                node, values, types
            ):
                return False
            node.types, node.size = types, len(values) if len(values) < MOST_ITEMS else node.size
        return tuple([id(values[place]) for place in node.places]) == node.ids

    def _are_types_equivalent(self, node: Node, values: list[Any], types: tuple[int, ...]) -> bool:
        """Whether only what can neither be nor hold a model is of other types, or more, or less."""
        places = frozenset(node.places)
        before = (*node.types, *(0 for _ in range(len(types) - len(node.types))))
        return not any(
            was != now and (place in places or self._counts(values[place]))
            for place, (was, now) in enumerate(zip(before, types))
        )

    def _are_children_same(self, node: Node, values: list[Any]) -> bool:
        return all(self._is_same(child, values[place]) for place, child in node.children)

    def _counts(self, value: Any) -> bool:
        return self._types.of(type(value)).kind != OPAQUE


def type_ids(values: Sequence[Any]) -> tuple[int, ...]:
    """Ids of the types: to compare types themselves could run code of a metaclass."""
    return tuple(map(id, map(type, values)))


def first_items(value: Any) -> tuple[list[Any] | None, list[Any], int]:
    """Keys (``None`` if they are places) and values of the first items, and how many there are in all."""
    if type(value) is list or type(value) is tuple:
        return None, list(value[:MOST_ITEMS]), len(value)
    own = value if type(value) is dict else instance_dict(value)
    if own is None:
        return [], [], 0
    try:
        return list(islice(own, MOST_ITEMS)), list(islice(own.values(), MOST_ITEMS)), len(own)
    except RuntimeError:  # another thread changes it
        pairs = pairs_of(own, MOST_ITEMS)
        return [key for key, _ in pairs], [item for _, item in pairs], len(own)
