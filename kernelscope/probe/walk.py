"""Finds the models that names reach, without describing them.

Sees: globals, and what ``containers`` takes out of them (``MOST_DEPTH`` levels, ``MOST_IN_CONTAINER`` items each).  Cannot
see: models in closures, in sets, in other libraries' containers, behind properties, in other processes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional

from .containers import (
    MOST_IN_CONTAINER,
    Contents,
    can_be_written,
    first_items,
    holds_objects,
    is_plain_key,
    written,
)
from .names import UserNames
from .structure import Node
from .types import (
    ARRAY,
    ATOMS,
    ATTRIBUTES,
    ESTIMATOR,
    ITEMS,
    LIST,
    LONGEST_NAME,
    OPAQUE,
    QUEUE,
    TUPLE,
    UNREADABLE,
    TypeCache,
    instance_dict,
    pairs_of,
)

MOST_NODES = 4_000
"""Containers and objects of the user's classes that one walk opens, and what it takes out of them at each
level; a model that a global holds is always looked at."""
MOST_MODELS = 10_000
"""Models that one walk finds: watchers take no message that names more than twice as many."""
FIRST = 16
"""Items of a list by which it is taken for one of numbers or texts."""
MOST_DEPTH = 3

if TYPE_CHECKING:
    # Made at run time it would stay in a cache of `typing`, and with the class the module and all it holds.
    _Place = tuple[tuple[int, ...], str, Any, tuple[int, ...], Optional[Node]]
    """Where it stands (its places along the way), its name, the value, ids of what holds it, and what holds it."""
_Model = tuple[tuple[int, ...], str, Any]
"""Where it stands, its name, and the model."""
Global = tuple[int, str, Any]
"""Place in the namespace, name and value."""
_ROOT = re.compile(r"[^.\[]*")
"""Of a name such as ``models['lr']``: the global."""


class NamespaceWalk:
    """One walk through some globals, level by level, so that one deep value leaves room for the names beside it.

    It holds what it came upon; drop it when the look ends.

    Args:
        names: the calling thread's own view of the namespace.
        is_model: whether an object, of a class of models, is one.
        walked: the globals.
    """

    def __init__(
        self,
        names: UserNames,
        types_: TypeCache,
        is_model: Callable[[Any], bool],
        walked: Iterable[Global],
    ) -> None:
        self._globals, self._types, self._is_model = names, types_, is_model
        self.names: dict[str, Any] = {}
        """By name, every model that it reaches, in the namespace's order."""
        self.unreadable: dict[str, Any] = {}
        """By name, every model whose library is switched off."""
        self.postponed: set[str] = set()
        """Names of models that there is no time for in this look."""
        self.visited = 0
        """Values that were looked at."""
        self._opened = 0
        self.is_full = False
        """Something in a container was left out because there was too much."""
        self.has_too_many = False
        """So was a model, whatever holds it."""
        self.opened: dict[str, tuple[Any, Node | None]] = {}
        """By name, the globals that are or may hold a model, and the nodes of those that were opened."""
        self.undecided: set[str] = set()
        """Globals by which it came upon what only another walk can compare: objects of classes of models that are none
        as yet, and such as cannot be read."""
        self.partly: dict[str, Any] = {}
        """By name, the containers and objects of which only the first items were looked at."""
        self._walk(walked)

    def _walk(self, walked: Iterable[Global]) -> None:
        models: list[_Model] = []
        level: list[_Place] = []
        for place, name, value in walked:
            self.visited += 1
            if self._is_of_interest(value):
                level.append(((place,), name, value, (), None))
                self.opened[name] = value, None
        for depth in range(MOST_DEPTH + 1):
            self.visited += len(level) if depth else 0
            level = self._walk_level(_take_turns(level) if depth else level, depth, models)
        models.sort(key=_order)
        self.names = {name: value for _, name, value in models}

    def _walk_level(self, level: list[_Place], depth: int, models: list[_Model]) -> list[_Place]:
        """Add the models of one level; what lies below it."""
        below: list[_Place] = []
        for order, name, value, path, holder in level:
            kind = self._types.of(type(value)).kind
            if kind == ESTIMATOR:
                if len(models) >= MOST_MODELS:
                    self.has_too_many = True
                elif self._is_model(value):
                    models.append((order, name, value))
                else:
                    self.undecided.add(root_of(name))
            elif kind == UNREADABLE:
                self.unreadable[name] = value
                self.undecided.add(root_of(name))
            # fault: 67a
            elif (
                depth < MOST_DEPTH
                and id(value) not in path
                and not self._is_plain_array(value)
                and self._has_room(len(below))
            ):
                node, inner = self._open(name, value)
                if holder is None:
                    self.opened[name] = value, node
                else:
                    holder.children.append((order[-1], node))
                holders = (*path, id(value))
                below += [((*order, place), n, v, holders, node) for place, n, v in inner]
        return below

    @property
    def is_limited(self) -> bool:
        """Whether a bound has left anything out: what is left out depends on all that there is."""
        return self.is_full or self.has_too_many or bool(self.partly)

    def is_too_much_beside(self, known: int) -> bool:
        """Whether it has found models, and too many beside so many that were known."""
        return bool(self.names) and known + len(self.names) > MOST_MODELS

    def may_hide(self, name: str) -> bool:
        """Whether a name that was not reached may hold a model all the same.

        A global does only if there were too many models, and what hangs on a global that is gone never does.
        """
        if self.has_too_many or name in self.postponed:
            return True
        root = root_of(name)
        if root == name or root not in self._globals:
            return False
        return self.is_full or any(
            name.startswith(start) and self._has_item(value, name[len(start) :])
            for start, value in self.partly.items()
        )

    def _contents(self, value: Any) -> Contents:
        return first_items(value, self._types.of(type(value)).shape)

    def _has_item(self, value: Any, written: str) -> bool:
        """Whether it has what the rest of a name begins with, such as ``['lr']``, ``[70].steps`` or ``.model``."""
        shape = self._types.of(type(value)).shape
        if shape in (LIST, TUPLE, QUEUE):
            place = written[1:].partition("]")[0]
            return written[:1] == "[" and place.isdecimal() and int(place) < self._contents(value).size
        if shape not in (ITEMS, ATTRIBUTES) or self._contents(value).size > MOST_NODES:
            return True  # too many to ask each of them
        if shape == ITEMS:
            keys = [k for k, _ in pairs_of(value, MOST_NODES) if is_plain_key(k)]
            return any(written.startswith(f"[{k!r}]") for k in keys)
        own = instance_dict(value) or {}
        names = [k for k, _ in pairs_of(own, MOST_NODES) if type(k) is str]
        return written[:1] == "." and root_of(written[1:]) in names

    def postpone(self, name: str) -> None:
        """There is no time for this model in this look."""
        del self.names[name]
        self.postponed.add(name)

    def left_out(self) -> list[str]:
        """What was left out because there was too much of it."""
        cut = [f"what lies in containers beyond the first {MOST_NODES:,}"] if self.is_full else []
        cut += [f"models beyond the first {MOST_MODELS:,}"] if self.has_too_many else []
        return cut + [
            f"{name}: all but {MOST_IN_CONTAINER} of its {self._contents(value).size} items"
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

    def _open(self, name: str, value: Any) -> tuple[Node, list[tuple[int, str, Any]]]:
        """The node of a container or an object of the user's; and (place, name, value) of what it holds."""
        shape = self._types.of(type(value)).shape
        node, contents = Node(), first_items(value, shape)
        items = contents.values
        is_looked_into = _is_looked_into(shape, items)
        if contents.size > (MOST_IN_CONTAINER if is_looked_into else FIRST):
            self.partly[name] = value
        inner = [
            (place, name + written(contents, place), item)
            for place, item in enumerate(items if is_looked_into else ())
            if self._is_of_interest(item) and can_be_written(contents, place, LONGEST_NAME)
        ]
        node.note_items(contents.keys, items, [place for place, _, _ in inner], contents.size)
        return node, inner

    def _is_plain_array(self, value: Any) -> bool:
        """Whether it is an array of numbers, which never comes to hold models."""
        return self._types.of(type(value)).shape == ARRAY and not holds_objects(value)

    def _is_of_interest(self, value: Any) -> bool:
        # fault: 63a
        return self._types.of(type(value)).kind != OPAQUE


def _take_turns(level: list[_Place]) -> list[_Place]:
    """What lies below each global takes turns, so that a bound leaves out the rest of the largest, not of the last."""
    if len(level) <= MOST_NODES // 4:
        return level
    turns: dict[int, int] = {}
    ranked = []
    for place in level:
        root = place[0][0]
        turns[root] = turn = turns.get(root, 0) + 1
        ranked.append((turn, place[0], place))
    ranked.sort(key=_turn)
    return [place for _, _, place in ranked]


def _turn(ranked: tuple[int, tuple[int, ...], _Place]) -> tuple[int, tuple[int, ...]]:
    return ranked[0], ranked[1]


def root_of(name: str) -> str:
    """The global that a name such as ``models['lr']`` begins with."""
    return _ROOT.match(name).group()  # type: ignore[union-attr] # it matches any text


def _is_looked_into(shape: int, items: list[Any]) -> bool:
    """Whether it is more than a list of numbers or texts."""
    if shape == ITEMS:
        return not _holds_only_atoms(items)
    return not (shape in (LIST, TUPLE, QUEUE) and _holds_only_atoms(items[:FIRST]))


def _holds_only_atoms(items: Iterable[Any]) -> bool:
    """Whether there is no model among these; by id, as hashing a type could run its metaclass."""
    return ATOMS.issuperset(map(id, map(type, items)))


def _order(model: _Model) -> tuple[int, ...]:
    return model[0]
