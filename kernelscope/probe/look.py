"""One look at the namespace: which names reach which models, and how each of those is.

Sees: globals, items of exact dicts, lists and tuples (``MOST_DEPTH`` levels, ``MOST_IN_CONTAINER`` items
each), attributes of objects whose class the user wrote, and what composites are made of.  Cannot see:
models in closures, in sets, in library containers, behind properties, in other processes.  What a
budget left out is told in ``cut``, and a name that was not looked at is not gone.

A look holds strong references only while it lasts.  What it remembers between looks are tokens,
weak references and its own copies of small builtins.
"""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Callable, Iterable

from .frameworks import LINKED, Family, family_of
from .identity import Binding, Tokens, Unreferable, is_dead, reference_to, target_of
from .names import UserNames
from .types import (
    ATOMS,
    CONTAINER,
    ESTIMATOR,
    LONGEST_NAME,
    OPAQUE,
    TypeCache,
    attributes_of,
    instance_dict,
    is_one_of,
    is_small_atom,
    pairs_of,
)
from .values import Reader

if TYPE_CHECKING:
    from . import wire

SECONDS = 0.05
"""The most that one look may take of the kernel's time."""
MOST_NODES = 4_000
"""Containers and objects of the user's classes that one look opens, and what it takes out of them at each
level; a model that a global holds is always looked at."""
MOST_MODELS = 10_000
"""Models that one look finds: watchers take no message that names more than twice as many."""
MOST_IN_CONTAINER = 64
"""Items of one container that are looked at: a list of a million floats costs 21 ms in full."""
FIRST = 16
"""Items of a list by which it is told to be one of numbers or texts."""
MOST_DEPTH = 3
MOST_LEARNED_PARTS = 8
"""A learned list of more estimators than this (a forest) is told as one value, not as parts."""

MOST_FOLDED = 1_000
"""Of such a list: estimators that are known again when a name reaches one of them."""

HIDDEN_PER_LOOK = 16
"""Of what lives on out of sight, how much one look checks for whether it still does."""

_Place = tuple[tuple[int, ...], str, Any, tuple[int, ...]]
"""Where it stands (its places along the way), its name, the value, ids of what holds it."""


_ROOT = re.compile(r"[^.\[]*")
"""Of a name such as ``models['lr']``: the global."""


class Found:
    """What a walk through the namespace came upon; dropped when the look ends."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.visited = 0
        """Values that were looked at."""
        self.opened = 0
        self.full = False
        """Something in a container was left out because there was too much."""
        self.too_many = False
        """So was a model, whatever holds it."""
        self.partly: dict[str, Any] = {}
        """By name, the containers and objects of which only the first items were looked at."""

    def may_hide(self, name: str, names: UserNames) -> bool:
        """Whether a name that was not reached may hold a model all the same.

        A global does only if there were too many models, and what hangs on a global that is gone never does.
        """
        if self.too_many:
            return True
        root = _ROOT.match(name)
        if root is None or root.group() == name or root.group() not in names:
            return False
        return self.full or any(
            name.startswith(start) and _has_item(value, name[len(start) :])
            for start, value in self.partly.items()
        )

    def has_room(self, taken: int) -> bool:
        """Whether one more container may be opened; counts it.

        Args:
            taken: how much has been taken out of those of its level.
        """
        if self.opened >= MOST_NODES or taken >= MOST_NODES:
            self.full = True
            return False
        self.opened += 1
        return True


class Watched:
    """What is remembered of one object between looks: nothing that keeps it alive."""

    __slots__ = ("_reference", "bindings", "folds", "generation", "in_order", "known", "owed", "record")

    def __init__(self, obj: Any) -> None:
        # fault: 51a
        self._reference = reference_to(obj)
        self.bindings: dict[str, Binding] = {}
        self.in_order: list[tuple[str, Binding]] = []
        """The bindings as the instance dictionary has them."""
        self.generation: int | None = None
        self.record: wire.ObjectFacts | None = None
        self.folds = False
        """It holds a learned list of which most are not told as parts."""
        self.known = ""
        """As what it was there before it was told for the first time: see ``ObjectFacts.known``."""
        self.owed = False
        """What is remembered of it may never have been told, or not be so."""

    def is_dead(self) -> bool:
        """Whether the object is known to be gone."""
        return is_dead(self._reference)

    def is_by_address(self) -> bool:
        """Whether another object of its class at the same address would be taken for it."""
        # fault: 52a
        return type(self._reference) is Unreferable

    def is_of(self, obj: Any) -> bool:
        """Whether it is known to be this object."""
        return target_of(self._reference) is obj

    def binding(self, attribute: str) -> Binding:
        """What is remembered of one attribute; made on first use."""
        found = self.bindings.get(attribute)
        if found is None:
            found = self.bindings[attribute] = Binding()
        return found


class Look:
    """Looks at one namespace again and again, and tells what differs."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._globals = UserNames(namespace)
        self.types = TypeCache()
        self.tokens = Tokens()
        self.reader = Reader(self.types, self.tokens)
        self.watched: dict[int, Watched] = {}
        self.names: dict[str, int] = {}
        self._owners: dict[int, dict[int, None]] = {}
        """By token of a tensor, the models whose own it is or was."""
        self._folded: frozenset[int] = frozenset()
        """Tokens of what the learned lists held at the last look that are told as one value."""
        self._folding: set[int] = set()
        self._wanted: frozenset[int] = frozenset()
        """Ids of all that names reach in this look."""
        self._numbers = itertools.count(1)
        self.on_class: Callable[[type], None] = _ignore
        """Called with the class of every estimator that a look describes."""
        self._at_work = False
        """A look has begun and not ended: one that was broken off, where another begins."""
        self._anew = False
        """Every name is told in the next look, also those that hold what they held."""
        self._names_before: dict[str, int] = {}
        self._in_sight: dict[int, None] = {}
        """Tokens of what the last look came upon."""
        self._hidden: OrderedDict[int, None] = OrderedDict()
        """Tokens of what lives on out of sight, as in ``Out``."""
        self._out_of_reach: set[str] = set()
        """Names whose model is gone, and which no look has reached since."""
        self._was_full = False
        """The last look left something out because there was too much."""
        self.behind = False
        """There was no time left for something in the last look; what it would have found, the next one finds."""
        self.reached_again = False
        """The last look reached a name that an earlier one had not: what it found may be older."""
        self.cut: list[str] = []
        """What the last look left out, and why."""
        self.visited = 0
        """Objects and keys that the last look went through; must not grow with the number of runs."""

    def take(self) -> wire.Findings:
        """One look: ``{"names", "objects", "cut"}`` as differences to the look before.

        ``unreached``, if there are any, lists the names whose model is gone and that a budget left out: they
        may hold another.

        After one that was broken off, by an interrupt say, the next one tells everything anew.
        """
        if self._at_work:
            self.owe_everything()
            self._in_sight = dict.fromkeys(self.watched)
        self._at_work = True
        found = self._take()
        self._at_work = False
        return found

    def owe_everything(self) -> None:
        """What the last look found was not told: the next one tells everything anew."""
        self._anew = True
        self.names = {**self._names_before, **self.names}
        for watched in list(self.watched.values()):
            watched.owed = True
            for binding in list(watched.bindings.values()):
                binding.doubt()

    def _take(self) -> wire.Findings:
        self.reader.begin(SECONDS)
        self.behind = False
        found = self.walk()
        cut = [f"what lies in containers beyond the first {MOST_NODES:,}"] if found.full else []
        cut += [f"models beyond the first {MOST_MODELS:,}"] if found.too_many else []
        cut += [
            f"{name}: all but {MOST_IN_CONTAINER} of its {_size(value)} items"
            for name, value in found.partly.items()
            if any(n.startswith((name + "[", name + ".")) for n in found.names)
        ]
        objects: dict[int, wire.ObjectFacts] = {}
        seen: dict[int, None] = {}
        self._wanted, self._folding = frozenset(map(id, found.names.values())), set()
        for obj in list(found.names.values()):
            self._describe(obj, objects, seen, cut, MOST_DEPTH)
        self._folded = frozenset(self._folding)
        self._link(found, objects)
        names = {name: self.tokens.of(obj) for name, obj in found.names.items()}
        names = {name: token for name, token in names.items() if self.watched[token].record is not None}
        for token in names.values():
            self._name(token, objects)
        anew = self._anew
        changed: dict[str, int | None] = {n: t for n, t in names.items() if anew or self.names.get(n) != t}
        self.reached_again = not self._out_of_reach.isdisjoint(names) or (
            # What was not reached by then may have been there before this run.
            self._was_full and any(n not in self.names and _ROOT.match(n).group() != n for n in changed)  # type: ignore[union-attr]
        )
        self._was_full = found.full or found.too_many
        self._out_of_reach = {n for n in self._out_of_reach if found.may_hide(n, self._globals)} - set(names)
        unreached = []
        for name, token in self.names.items():
            if name in names:
                continue
            watched, may_hide = self.watched.get(token), found.may_hide(name, self._globals)
            if may_hide and watched is not None and not watched.is_dead():
                names[name] = token  # what was not looked at is not gone
                continue
            changed[name] = None
            # fault: 99a
            if may_hide:
                unreached.append(name)  # its model is gone because the name got another one, or none
        self._out_of_reach.update(unreached)
        self._names_before = self.names
        self.names = names
        self._anew = False
        self._forget(seen)
        self.reader.end()
        self.visited += len(seen) + found.visited
        self.cut = cut
        findings: wire.Findings = {"names": changed, "objects": list(objects.values()), "cut": cut}
        if unreached:
            findings["unreached"] = unreached
        return findings

    def number(self, obj: Any) -> int:
        """The object's generation: given when a name first reaches it, or a local is reported."""
        token = self.tokens.of(obj)
        watched = self.watched.get(token)
        if watched is None:
            watched = self.watched[token] = Watched(obj)
            self._hidden[token] = None
        return self._numbered(watched)

    def _numbered(self, watched: Watched) -> int:
        if watched.generation is None:
            watched.generation = self.next_number()
        return watched.generation

    def next_number(self) -> int:
        """A generation's number, never given again."""
        return next(self._numbers)

    def generation_of(self, name: str, obj: Any) -> int | None:
        """The number of the model that the name held at the last look, where it is still this one."""
        watched = self.watched.get(self.names.get(name, 0))
        return watched.generation if watched is not None and watched.is_of(obj) else None

    def everything(self) -> wire.State:
        """What the last looks amount to: ``{"names", "objects"}``, not as a difference."""
        records = [w.record for w in self.watched.values() if w.record is not None]
        return {"names": dict(self.names), "objects": records}

    # The walk.

    def walk(self, names: UserNames | None = None) -> Found:
        """Every estimator that a name reaches, by name, in the namespace's order.

        Level by level, so that one deep value leaves room for the names beside it.

        Args:
            names: another thread's own view of the namespace.
        """
        found = Found()
        models: list[tuple[tuple[int, ...], str, Any]] = []
        pairs = (names or self._globals).pairs()
        found.visited = len(pairs) + (names or self._globals).examined
        level: list[_Place] = [
            ((place,), name, value, ())
            for place, (name, value) in enumerate(pairs)
            if self._is_of_interest(value)
        ]
        for depth in range(MOST_DEPTH + 1):
            below: list[_Place] = []
            found.visited += len(level) if depth else 0
            for order, name, value, path in level:
                kind = self.types.of(type(value)).kind
                if kind == ESTIMATOR:
                    if len(models) >= MOST_MODELS:
                        found.too_many = True
                    elif self._is_estimator(value):
                        models.append((order, name, value))
                # fault: 67a
                elif depth < MOST_DEPTH and id(value) not in path and found.has_room(len(below)):
                    inner = self._inside(kind, name, value, found)
                    held_by = (*path, id(value))
                    below += [((*order, i), n, v, held_by) for i, (n, v) in enumerate(inner)]
            level = below
        models.sort(key=_order)
        found.names = {name: value for _, name, value in models}
        return found

    def _inside(self, kind: int, name: str, value: Any, found: Found) -> list[tuple[str, Any]]:
        """(name, value) of what a container or an object of the user's holds."""
        if kind == CONTAINER:
            items = _items(value)
            if len(value) > (MOST_IN_CONTAINER if items or type(value) is dict else FIRST):
                found.partly[name] = value
            return [(f"{name}[{key}]", item) for key, item in items if self._is_of_interest(item)]
        own = instance_dict(value)
        pairs = pairs_of(own, MOST_IN_CONTAINER) if own is not None else []
        if own is not None and len(own) > MOST_IN_CONTAINER:
            found.partly[name] = value
        return [
            (f"{name}.{key}", item)
            for key, item in pairs
            if self._is_of_interest(item) and type(key) is str and len(key) <= LONGEST_NAME
        ]

    def _is_of_interest(self, value: Any) -> bool:
        # fault: 63a
        return self.types.of(type(value)).kind != OPAQUE

    # One object.

    def _describe(
        self,
        obj: Any,
        objects: dict[int, wire.ObjectFacts],
        seen: dict[int, None],
        cut: list[str],
        depth: int,
    ) -> int:
        """Notes the object's facts where they differ, and those of its parts."""
        token = self.tokens.of(obj)
        if token in seen:
            return token
        seen[token] = None
        watched = self.watched.get(token)
        if watched is None:
            watched = self.watched[token] = Watched(obj)
            watched.known = "part" if token in self._folded else ""
        elif watched.record is None and watched.generation is not None:
            watched.known = watched.known or "local"
        if watched.record is not None and self.reader.overdue():
            cut.append(f"generation {watched.generation}: no time left to look at it")
            self.behind = True
            return token
        still = not watched.owed and self._is_unchanged(obj, watched)
        record = None if still else self._record(obj, token, watched)
        if record is None and watched.record is not None and not watched.record["parts"]:
            return token
        parts: list[wire.Part] = []
        levels = min(depth, self._family(obj).levels)
        folded = len(self._folding)
        held_here = self._parts_of(obj) if levels else ()
        watched.folds = len(self._folding) > folded
        for label, key, part in held_here:
            held = self._describe(part, objects, seen, cut, levels - 1)
            parts.append({"label": label, "token": held, "key": key})
        if record is None:
            record = watched.record.copy()  # type: ignore[union-attr] # what is unchanged was described before
        record["parts"] = parts
        record["partners"] = watched.record["partners"] if watched.record is not None else []
        if watched.owed or record != watched.record:
            watched.record = objects[token] = record
            watched.owed = False
        return token

    def _is_unchanged(self, obj: Any, watched: Watched) -> bool:
        """Whether a comparison attribute by attribute, in C where it can be, finds all as it was.

        The parts of a composite change by themselves: where it is made of its attributes, it is looked
        at in full.
        """
        record, own = watched.record, instance_dict(obj)
        if record is None or own is None or record["not_evaluated"]:
            return False
        info = self.types.of(type(obj))
        family, bindings, still = family_of(info), watched.in_order, self.reader.is_still
        if type(family) is not Family:
            values = [pair for told in family.split(obj, info) for pair in told.items()]
            return len(values) == len(bindings) and all(
                name == place and still(value, binding)
                for (name, value), (place, binding) in zip(values, bindings)
            )
        if record["parts"] or watched.folds or len(bindings) != len(own):
            return False
        return all(
            name is place and still(value, binding)  # a key that is no plain name may define `__eq__`
            for (name, value), (place, binding) in zip(pairs_of(own, len(bindings)), bindings)
        )

    def _record(self, obj: Any, token: int, watched: Watched) -> wire.ObjectFacts:
        info = self.types.of(type(obj))
        self.on_class(type(obj))
        family = family_of(info)
        params, learned = family.split(obj, info)
        names = [n for n, _ in attributes_of(obj)] if type(family) is Family else [*params, *learned]
        watched.in_order = [(n, watched.binding(n if n in params else "." + n)) for n in names]
        left_out: list[str] = []
        told: dict[str, wire.Signature] = {}
        for name, value in learned.items():
            if self.reader.overdue():
                left_out.append(name)
                self.behind = True
            else:
                computed = name in family.computed
                told[name] = self.reader.signature(value, watched.binding("." + name), computed)
        return {
            "token": token,
            "generation": watched.generation,
            "cls": info.name,
            "library": info.library,
            "id": id(obj),
            "by_address": watched.is_by_address(),
            "params": {n: self.reader.parameter(v, watched.binding(n)) for n, v in params.items()},
            "learned": told,
            "parts": [],
            "bases": info.bases,
            "not_evaluated": left_out,
            "partners": [],
            "signs": family.signs(obj),
            "helper": family.helper,
            "known": watched.known,
        }

    def _link(self, found: Found, objects: dict[int, wire.ObjectFacts]) -> None:
        """Notes which models an optimizer or a scheduler works on: also such as are gone, whose
        tensors it keeps alive."""
        named = {self.tokens.of(obj): obj for obj in found.names.values() if self._is_linked(obj)}
        if not named:
            self._owners = {}
            return
        parts = [
            p for obj in named.values() if self._family(obj).levels == 1 for _, _, p in self._parts_of(obj)
        ]
        owners: dict[int, dict[int, None]] = {}
        for obj in (*named.values(), *parts):
            for tensor in self._family(obj).owned(obj):
                token = self.tokens.of(tensor)
                before = owners.get(token) or self._owners.get(token) or {}
                owners[token] = {**before, self.tokens.of(obj): None}
        for token, obj in named.items():
            held = [(self.tokens.of(h), h) for h in self._family(obj).held(obj)]
            partners: dict[int, None] = {}
            for inner, what in held:
                if inner not in owners and inner in self._owners:
                    owners[inner] = self._owners[inner]
                partners.update({inner: None} if self._is_estimator(what) else owners.get(inner, {}))
            watched = self.watched[token]
            if watched.record is not None and list(partners) != watched.record["partners"]:
                watched.record = objects[token] = {**watched.record, "partners": list(partners)}
        self._owners = owners

    def _parts_of(self, obj: Any) -> list[tuple[str, str | None, Any]]:
        """(label, key, estimator) of what a composite holds; ``key`` is ``None`` for learned ones."""
        info = self.types.of(type(obj))
        told = family_of(info).parts(obj)
        if told is not None:
            return [part for part in told if self._is_estimator(part[2])]
        params, learned = family_of(info).split(obj, info)
        parts = self._given(params)
        value: Any
        for name, value in learned.items():
            if self._is_estimator(value):
                parts.append((f".{name}", None, value))
            elif is_one_of(type(value), (list, tuple)):
                parts += self._learned_in(name, value)
        return parts

    def given_parts(self, obj: Any) -> list[tuple[str, str | None, Any]]:
        """As ``_parts_of``, of what it was given alone; notes nothing, so that another thread may ask."""
        info = self.types.of(type(obj))
        return self._given(family_of(info).split(obj, info)[0])

    def _given(self, params: dict[str, Any]) -> list[tuple[str, str | None, Any]]:
        parts: list[tuple[str, str | None, Any]] = []
        for name, value in params.items():
            if self._is_estimator(value):
                parts.append((f".{name}", name, value))
            elif is_one_of(type(value), (list, tuple)):
                parts += self._given_in(name, value)
        return parts

    def _learned_in(self, name: str, value: Any) -> list[tuple[str, str | None, Any]]:
        """Estimators in a learned list: all of a few, of many those that a name reaches, too."""
        if len(value) <= MOST_LEARNED_PARTS:
            return [(f".{name}[{i}]", None, v) for i, v in enumerate(value) if self._is_estimator(v)]
        many = [(i, v) for i, v in enumerate(value[:MOST_FOLDED]) if self._is_estimator(v)]
        self._folding.update(self.tokens.of(v) for _, v in many)
        return [(f".{name}[{i}]", None, v) for i, v in many if id(v) in self._wanted]

    def _given_in(self, name: str, value: Any) -> list[tuple[str, str | None, Any]]:
        """Estimators in a list parameter: bare, or named as a pipeline's steps are."""
        parts: list[tuple[str, str | None, Any]] = []
        for place, item in enumerate(list(value)[:MOST_IN_CONTAINER]):
            if self._is_estimator(item):
                parts.append((f".{name}[{place}]", "", item))
            elif type(item) is tuple and len(item) > 1 and type(item[0]) is str:
                parts += [
                    (f"[{item[0][:LONGEST_NAME]!r}]", item[0][:LONGEST_NAME], v)
                    for v in item[1:2]
                    if self._is_estimator(v)
                ]
        return parts

    def _is_estimator(self, value: Any) -> bool:
        info = self.types.of(type(value))
        return info.kind == ESTIMATOR and family_of(info).is_model(value)

    def _is_linked(self, obj: Any) -> bool:
        return self.types.of(type(obj)).library in LINKED

    def _family(self, obj: Any) -> Family:
        return family_of(self.types.of(type(obj)))

    def _name(self, token: int, objects: dict[int, wire.ObjectFacts]) -> None:
        """Numbers an object that a name reaches for the first time."""
        watched = self.watched[token]
        if watched.generation is not None or (watched.record is not None and watched.record["helper"]):
            return
        number = self._numbered(watched)
        if watched.record is not None:
            watched.record = objects[token] = {**watched.record, "generation": number}

    def _forget(self, seen: dict[int, None]) -> None:
        """Drops the dead; of what lives on out of sight, in case a name comes back to it, the
        number and the bindings stay.

        What has left sight since the last look is gone through, and a few of what left it before.
        """
        gone = [t for t in self._in_sight if t not in seen]
        gone += [self._hidden.popitem(last=False)[0] for _ in range(min(len(self._hidden), HIDDEN_PER_LOOK))]
        self._in_sight = seen
        self.visited = len(gone)
        for token in gone:
            watched = self.watched.get(token)
            if watched is None or token in seen:
                continue
            watched.record = None
            if watched.is_dead():
                del self.watched[token]
            else:
                self._hidden[token] = None


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
    wanted = _ROOT.match(written[1:])
    own = instance_dict(value) or {}
    names = [k for k, _ in pairs_of(own, MOST_NODES) if type(k) is str]
    return written[:1] == "." and wanted is not None and wanted.group() in names


def _holds_only_atoms(items: Iterable[Any]) -> bool:
    """Whether there is no model among these; by id, as hashing a type could run its metaclass."""
    return ATOMS.issuperset(map(id, map(type, items)))


def _is_plain_key(key: Any) -> bool:
    kind = type(key)
    return (kind is int and is_small_atom(key)) or (kind is str and len(key) <= 80)


def _order(model: tuple[tuple[int, ...], str, Any]) -> tuple[int, ...]:
    return model[0]


def _ignore(_cls: type) -> None:
    """Where calls cannot be seen, nobody needs to know the classes."""
