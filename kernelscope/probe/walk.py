"""Finds the models that names reach, without describing them.

Sees: globals, items of exact dicts, lists and tuples (``MOST_DEPTH`` levels, ``MOST_IN_CONTAINER`` items each), and
attributes of objects whose class the user wrote.  Cannot see: models in closures, in sets, in library
containers, behind properties, in other processes.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable

from .names import UserNames
from .types import (
    ATOMS,
    CONTAINER,
    ESTIMATOR,
    LONGEST_NAME,
    OPAQUE,
    UNREADABLE,
    TypeCache,
    instance_dict,
    is_one_of,
    is_small_atom,
    pairs_of,
)

MOST_NODES = 4_000
"""Containers and objects of the user's classes that one walk opens, and what it takes out of them at each
level; a model that a global holds is always looked at."""
MOST_MODELS = 10_000
"""Models that one walk finds: watchers take no message that names more than twice as many."""
MOST_IN_CONTAINER = 64
"""Items of one container that are looked at: a list of a million floats costs 21 ms in full."""
FIRST = 16
"""Items of a list by which it is taken for one of numbers or texts."""
MOST_DEPTH = 3

_Place = tuple[tuple[int, ...], str, Any, tuple[int, ...]]
"""Where it stands (its places along the way), its name, the value, ids of what holds it."""
_ROOT = re.compile(r"[^.\[]*")
"""Of a name such as ``models['lr']``: the global."""


class NamespaceWalk:
    """One walk through the namespace, level by level, so that one deep value leaves room for the names beside it.

    It holds what it came upon; drop it when the look ends.

    Args:
        names: the calling thread's own view of the namespace.
        is_model: whether an object, of a class of models, is one.
    """

    def __init__(self, names: UserNames, types_: TypeCache, is_model: Callable[[Any], bool]) -> None:
        self._globals, self._types, self._is_model = names, types_, is_model
        self.names: dict[str, Any] = {}
        """By name, every model that it reaches, in the namespace's order."""
        self.unreadable: dict[str, Any] = {}
        """By name, every model whose library is switched off."""
        self.visited = 0
        """Values that were looked at."""
        self._opened = 0
        self.is_full = False
        """Something in a container was left out because there was too much."""
        self.has_too_many = False
        """So was a model, whatever holds it."""
        self.partly: dict[str, Any] = {}
        """By name, the containers and objects of which only the first items were looked at."""
        self._walk()

    def _walk(self) -> None:
        models: list[tuple[tuple[int, ...], str, Any]] = []
        pairs = self._globals.pairs()
        self.visited = len(pairs) + self._globals.examined
        level: list[_Place] = [
            ((place,), name, value, ())
            for place, (name, value) in enumerate(pairs)
            if self._is_of_interest(value)
        ]
        for depth in range(MOST_DEPTH + 1):
            below: list[_Place] = []
            self.visited += len(level) if depth else 0
            for order, name, value, path in level:
                kind = self._types.of(type(value)).kind
                if kind == ESTIMATOR:
                    if len(models) >= MOST_MODELS:
                        self.has_too_many = True
                    elif self._is_model(value):
                        models.append((order, name, value))
                elif kind == UNREADABLE:
                    self.unreadable[name] = value
                # fault: 67a
                elif depth < MOST_DEPTH and id(value) not in path and self._has_room(len(below)):
                    inner = self._inside(kind, name, value)
                    holders = (*path, id(value))
                    below += [((*order, i), n, v, holders) for i, (n, v) in enumerate(inner)]
            level = below
        models.sort(key=_order)
        self.names = {name: value for _, name, value in models}

    def may_hide(self, name: str) -> bool:
        """Whether a name that was not reached may hold a model all the same.

        A global does only if there were too many models, and what hangs on a global that is gone never does.
        """
        if self.has_too_many:
            return True
        root = root_of(name)
        if root == name or root not in self._globals:
            return False
        return self.is_full or any(
            name.startswith(start) and _has_item(value, name[len(start) :])
            for start, value in self.partly.items()
        )

    def left_out(self) -> list[str]:
        """What was left out because there was too much of it."""
        cut = [f"what lies in containers beyond the first {MOST_NODES:,}"] if self.is_full else []
        cut += [f"models beyond the first {MOST_MODELS:,}"] if self.has_too_many else []
        return cut + [
            f"{name}: all but {MOST_IN_CONTAINER} of its {_size(value)} items"
            for name, value in self.partly.items()
            if any(n.startswith((name + "[", name + ".")) for n in self.names)
        ]

    def _has_room(self, taken: int) -> bool:
        """Whether one more container may be opened; counts it.

        Args:
            taken: how much has been taken out of those of its level.
        """
        if self._opened >= MOST_NODES or taken >= MOST_NODES:
            self.is_full = True
            return False
        self._opened += 1
        return True

    def _inside(self, kind: int, name: str, value: Any) -> list[tuple[str, Any]]:
        """(name, value) of what a container or an object of the user's holds."""
        if kind == CONTAINER:
            items = _items(value)
            if len(value) > (MOST_IN_CONTAINER if items or type(value) is dict else FIRST):
                self.partly[name] = value
            return [(f"{name}[{key}]", item) for key, item in items if self._is_of_interest(item)]
        own = instance_dict(value)
        pairs = pairs_of(own, MOST_IN_CONTAINER) if own is not None else []
        if own is not None and len(own) > MOST_IN_CONTAINER:
            self.partly[name] = value
        return [
            (f"{name}.{key}", item)
            for key, item in pairs
            if self._is_of_interest(item) and type(key) is str and len(key) <= LONGEST_NAME
        ]

    def _is_of_interest(self, value: Any) -> bool:
        # fault: 63a
        return self._types.of(type(value)).kind != OPAQUE


def root_of(name: str) -> str:
    """The global that a name such as ``models['lr']`` begins with."""
    return _ROOT.match(name).group()  # type: ignore[union-attr] # it matches any text


def _items(value: Any) -> list[tuple[str, Any]]:
    """(key as it is written, item) of an exact dict, list or tuple; plain keys only."""
    if type(value) is dict:
        pairs = pairs_of(value, MOST_IN_CONTAINER)
        if _holds_only_atoms(v for _, v in pairs):
            return []
        return [(repr(k), v) for k, v in pairs if _is_plain_key(k)]
    if _holds_only_atoms(value[:FIRST]):
        return []
    return [(str(place), item) for place, item in enumerate(value[:MOST_IN_CONTAINER])]


def _size(value: Any) -> int:
    """How many items a container has, or an object attributes."""
    own = value if is_one_of(type(value), (dict, list, tuple)) else instance_dict(value)
    return 0 if own is None else len(own)


def _has_item(value: Any, written: str) -> bool:
    """Whether it has what the rest of a name begins with, such as ``['lr']``, ``[70].steps`` or ``.model``."""
    if _size(value) > MOST_NODES and type(value) is not list and type(value) is not tuple:
        return True  # too many to ask each of them
    if type(value) is dict:
        return any(written.startswith(f"[{k!r}]") for k, _ in pairs_of(value, MOST_NODES) if _is_plain_key(k))
    if type(value) is list or type(value) is tuple:
        place = written[1:].partition("]")[0]
        return written[:1] == "[" and place.isdecimal() and int(place) < len(value)
    own = instance_dict(value) or {}
    names = [k for k, _ in pairs_of(own, MOST_NODES) if type(k) is str]
    return written[:1] == "." and root_of(written[1:]) in names


def _holds_only_atoms(items: Iterable[Any]) -> bool:
    """Whether there is no model among these; by id, as hashing a type could run its metaclass."""
    return ATOMS.issuperset(map(id, map(type, items)))


def _is_plain_key(key: Any) -> bool:
    kind = type(key)
    return (kind is int and is_small_atom(key)) or (kind is str and len(key) <= 80)


def _order(model: tuple[tuple[int, ...], str, Any]) -> tuple[int, ...]:
    return model[0]
