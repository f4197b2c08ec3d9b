"""What the names of a namespace reach, compared with what they reached at the last walk, without walking again.

Most runs bind no other model: they compute numbers, or fit the model that a name holds.  So each container that a
walk opened is kept as ids and types of what it held, and these are compared in C.  Only what could hold or be a
model counts: another number changes nothing, whether a name holds it or a list.

Sees: a name, an item or an attribute that holds another object, or one of another type at the same address.
Cannot see: another object of the same type at the same address.  What that holds in turn tells, if it is a
container; a model's weak reference does, if it is a model.
"""

from __future__ import annotations

from typing import Any, Sequence

from .containers import MOST_IN_CONTAINER, Contents, first_items
from .types import OPAQUE, TypeCache


class Node:
    """One container, or one object of the user's, as it was when a walk opened it."""

    __slots__ = ("children", "ids", "keys", "least", "places", "size", "types")

    def __init__(self) -> None:
        self.size = 0
        self.types: tuple[int, ...] = ()
        """Ids of the types of the first items."""
        self.places: list[int] = []
        """Of those that are models, or may hold one."""
        self.least = 0
        """How many items it must have so that each of these places is one."""
        self.ids: list[int] = []
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
        self.least = max(places, default=-1) + 1
        self.ids = [id(values[place]) for place in places]
        self.keys = () if keys is None else tuple(keys[place] for place in places)


class Difference:
    """Which globals reach something else than at the last walk."""

    __slots__ = ("changed", "gone", "is_all")

    def __init__(self, changed: dict[str, int], gone: list[str], is_all: bool) -> None:
        self.changed = changed
        """Names of those to walk again, with their places in the namespace."""
        self.gone = gone
        """Names of those that held what counts, and are deleted."""
        self.is_all = is_all
        """Nothing was known of any."""


class Structure:
    """What the last walks opened, for each global that is or may hold a model."""

    def __init__(self, types_: TypeCache) -> None:
        self._types = types_
        self._names: list[str] = []
        self._kinds: tuple[int, ...] = ()
        """Ids of the types of all globals."""
        self._ids: dict[str, int] = {}
        """Of the globals that are or may hold a model."""
        self._places: dict[str, int] = {}
        """Of all globals, in the namespace."""
        self._is_known = False
        self._nodes: dict[str, Node] = {}
        """Of those among them that were opened."""

    def clear(self) -> None:
        """Forget everything: all globals differ."""
        self._names, self._kinds, self._ids, self._nodes = [], (), {}, {}
        self._is_known = False

    def keep(self, name: str, value: Any, node: Node | None) -> None:
        """Take what a walk has found for what there is.

        Args:
            node: of the global, if it was opened.
        """
        self._ids[name] = id(value)
        if node is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def place_of(self, name: str) -> int:
        """The place of a global in the namespace."""
        return self._places[name]

    def drop(self, name: str) -> None:
        """A global is deleted, or is to be walked again."""
        self._ids.pop(name, None)
        self._nodes.pop(name, None)

    def compare(self, names: list[str], values: list[Any]) -> Difference:
        """The globals that differ; those that neither are nor hold a model any more are kept as such."""
        kinds, is_all = type_ids(values), not self._is_known
        self._is_known = True
        gone: list[str] = []
        changed: dict[str, int] = {}
        if names != self._names:
            changed, gone = self._compare_names(names, values)
            places = dict(zip(names, range(len(names))))
        elif kinds != self._kinds:
            pairs = enumerate(zip(self._kinds, kinds))
            changed = {
                names[i]: i for i, (was, now) in pairs if was != now and self._concerns(names[i], values[i])
            }
            places = dict(zip(names, range(len(names))))
        else:
            places = self._places
        self._names, self._kinds, self._places = names, kinds, places
        for name in gone:
            self.drop(name)
        order = [places[name] for name in self._ids]
        if [id(values[place]) for place in order] != list(self._ids.values()):
            ids = zip(order, self._ids.items())
            changed.update((name, place) for place, (name, known) in ids if id(values[place]) != known)
        for name, node in self._nodes.items():
            if name not in changed and not self._is_same(node, values[places[name]]):
                changed[name] = places[name]
        return Difference(changed, gone, is_all)

    def _compare_names(self, names: list[str], values: list[Any]) -> tuple[dict[str, int], list[str]]:
        known = dict(zip(self._names, self._kinds))
        changed = {
            name: place
            for place, (name, value) in enumerate(zip(names, values))
            if known.pop(name, None) != id(type(value)) and self._concerns(name, value)
        }
        gone = [name for name in known if name in self._ids]
        return changed, gone

    def _concerns(self, name: str, value: Any) -> bool:
        """Whether a global is or may hold a model, or was or did."""
        return name in self._ids or self._counts(value)

    def _is_same(self, node: Node, value: Any) -> bool:
        contents = self._items_of(value, needs_keys=bool(node.places))
        keys, values, size = contents.keys, contents.values, contents.size
        if size != node.size and max(size, node.size) > MOST_IN_CONTAINER:
            return False
        if len(values) < node.least:
            return False
        types = type_ids(values)
        if types != node.types:
            if not self._are_types_equivalent(node, values, types):
                return False
            node.types, node.size = types, size
        if not node.places:
            return True
        if [id(values[place]) for place in node.places] != node.ids:
            return False
        if keys is not None and not all(
            _is_same_key(keys[place], key) for place, key in zip(node.places, node.keys)
        ):
            return False
        return all(self._is_same(child, values[place]) for place, child in node.children)

    def _items_of(self, value: Any, *, needs_keys: bool) -> Contents:
        return first_items(value, self._types.of(type(value)).shape, needs_keys=needs_keys)

    def _are_types_equivalent(self, node: Node, values: list[Any], types: tuple[int, ...]) -> bool:
        """Whether only what can neither be nor hold a model is of other types, or more, or less."""
        places = frozenset(node.places)
        before = (*node.types, *(0 for _ in range(len(types) - len(node.types))))
        return not any(
            was != now and (place in places or self._counts(values[place]))
            for place, (was, now) in enumerate(zip(before, types))
        )

    def _counts(self, value: Any) -> bool:
        return self._types.of(type(value)).kind != OPAQUE


def type_ids(values: Sequence[Any]) -> tuple[int, ...]:
    """Ids of the types: to compare types themselves could run code of a metaclass."""
    return tuple(map(id, map(type, values)))


def _is_same_key(one: Any, other: Any) -> bool:
    """Whether two keys are the same object, or texts that are equal."""
    return one is other or (type(one) is str and type(other) is str and one == other)
