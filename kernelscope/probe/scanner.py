"""Looks at the namespace again and again, and reports what differs: which names reach which models, and how each is.

What a look can and cannot see is documented in ``walk``, ``parts`` and ``values``.  What a budget left out is listed in
``cut``, and a name that was not looked at is not gone.

A look holds strong references only while it lasts.  What it remembers between looks are tokens,
weak references and its own copies of small builtins.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Callable

from .identity import Tokens
from .library import Libraries, Part
from .names import UserNames
from .parts import PartFinder
from .tracked import TensorOwners, TrackedObject
from .types import TypeCache, attributes_of, instance_dict, pairs_of
from .values import ValueReader
from .walk import MOST_DEPTH, NamespaceWalk, root_of

if TYPE_CHECKING:
    from . import wire

SECONDS = 0.05
"""The most that one look may take of the kernel's time."""
HIDDEN_PER_LOOK = 16
"""Of what lives on out of sight, how much one look checks for whether it still does."""


class NamespaceScanner:
    """Looks at one namespace again and again, and reports what differs."""

    def __init__(self, namespace: dict[str, Any], libraries: Libraries) -> None:
        self._globals = UserNames(namespace)
        self.libraries = libraries
        self.types = TypeCache(libraries.tables)
        self.types.forbid(libraries.unreadable())
        self.tokens = Tokens()
        self.reader = ValueReader(self.types, self.tokens, libraries.tensors)
        self._parts = PartFinder(self.types, libraries, self.tokens)
        self._owners = TensorOwners(self.tokens, self._parts)
        self.tracked: dict[int, TrackedObject] = {}
        self.names: dict[str, int] = {}
        self._folded: frozenset[int] = frozenset()
        """Tokens of what learned lists held at the last look that are recorded as one value."""
        self._numbers = itertools.count(1)
        self._unreadable: set[int] = set()
        """Tokens of what this look found to be made of something that cannot be read."""
        self.on_class: Callable[[type], None] = _ignore
        """Called with the class of every model that a look describes."""
        self._at_work = False
        """A look has begun and not ended: one that was broken off, if another begins."""
        self._resends_all = False
        """Every name is reported in the next look, also those that hold what they held."""
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

    def scan(self) -> wire.Findings:
        """One look: ``{"names", "objects", "cut"}`` as differences to the look before.

        ``unreached``, if there are any, lists the names whose model is gone and that a budget left out: they
        may hold another; and ``unreadable`` those among them whose model cannot be read any more.  ``switched_off``
        lists the libraries that are not read.

        After one that was broken off, by an interrupt say, the next one reports everything again.
        """
        if self._at_work:
            self._begin_again()
        self._at_work = True
        seen = self._scan_what_can_be_read()
        self._at_work = False
        return seen

    def _scan_what_can_be_read(self) -> wire.Findings:
        """One look; it begins again without a library whose reader raises."""
        try:
            return self._scan()
        except Exception as error:
            folder = self.libraries.folder_at_fault(error)
            if folder is None:
                raise
            self.types.forbid(self.libraries.switch_off(folder, error))
        self._names_before = self.names  # the look before was reported
        self._begin_again()
        return self._scan_what_can_be_read()  # once per library at most

    def _begin_again(self) -> None:
        self.resend_all_next_time()
        self._in_sight = dict.fromkeys(self.tracked)

    def resend_all_next_time(self) -> None:
        """What the last look found was not reported: the next one reports everything again."""
        self._resends_all = True
        self.names = {**self._names_before, **self.names}
        for tracked in list(self.tracked.values()):
            tracked.doubt()

    def _scan(self) -> wire.Findings:
        self.reader.begin(SECONDS)
        self.behind = False
        walk = self.walk()
        cut = walk.left_out()
        objects: dict[int, wire.ObjectFacts] = {}
        seen: dict[int, None] = {}
        self._unreadable = set()
        self._parts.begin(walk.names.values())
        for obj in list(walk.names.values()):
            self._describe(obj, objects, seen, cut, MOST_DEPTH)
        self._folded = frozenset(self._parts.folded)
        names = {name: self.tokens.of(obj) for name, obj in walk.names.items()}
        walk.unreadable.update({n: walk.names[n] for n, t in names.items() if t in self._unreadable})
        readable = [obj for name, obj in walk.names.items() if name not in walk.unreadable]
        for token, partners in self._owners.partners_of(readable).items():
            self._note_partners(token, partners, objects)
        names = {name: token for name, token in names.items() if name not in walk.unreadable}
        for token in names.values():
            self._name(token, objects)
        changed, unreached = self._compare_names(names, walk)
        unreadable = [name for name in unreached if name in walk.unreadable]
        self._forget(seen)
        self.reader.end()
        self.visited += len(seen) + walk.visited
        self.cut = cut
        findings: wire.Findings = {"names": changed, "objects": list(objects.values()), "cut": cut}
        if unreached:
            findings["unreached"] = unreached
        if unreadable:
            findings["unreadable"] = unreadable
        if self.libraries.switched_off:
            findings["switched_off"] = self.libraries.report()
        return findings

    def _compare_names(
        self, names: dict[str, int], walk: NamespaceWalk
    ) -> tuple[dict[str, int | None], list[str]]:
        """Names that hold something else than before, and those among them of which it is not known what; keeps ``names``."""
        changed: dict[str, int | None] = {
            n: t for n, t in names.items() if self._resends_all or self.names.get(n) != t
        }
        self.reached_again = not self._out_of_reach.isdisjoint(names) or (
            # What was not reached by then may have been there before this run.
            self._was_full and any(n not in self.names and root_of(n) != n for n in changed)
        )
        self._was_full = walk.is_full or walk.has_too_many
        self._out_of_reach = {n for n in self._out_of_reach if walk.may_hide(n)} - set(names)
        unreached = []
        for name, token in self.names.items():
            if name in names:
                continue
            tracked, may_hide = self.tracked.get(token), walk.may_hide(name)
            is_unreadable = name in walk.unreadable
            if may_hide and not is_unreadable and tracked is not None and not tracked.is_dead():
                names[name] = token  # what was not looked at is not gone
                continue
            changed[name] = None
            # fault: 99a
            if may_hide or is_unreadable:
                unreached.append(name)  # its model is gone because the name got another one, or none
        self._out_of_reach.update(unreached)
        self._names_before = self.names
        self.names = names
        self._resends_all = False
        return changed, unreached

    def number(self, obj: Any) -> int:
        """The object's generation: given when a name first reaches it, or a local is reported."""
        token = self.tokens.of(obj)
        tracked = self.tracked.get(token)
        if tracked is None:
            tracked = self.tracked[token] = TrackedObject(obj)
            self._hidden[token] = None
        return self._generation_of(tracked)

    def _generation_of(self, tracked: TrackedObject) -> int:
        if tracked.generation is None:
            tracked.generation = self.next_number()
        return tracked.generation

    def next_number(self) -> int:
        """A generation's number, never given again."""
        return next(self._numbers)

    def generation_of(self, name: str, obj: Any) -> int | None:
        """The number of the model that the name held at the last look, if it is still this one."""
        tracked = self.tracked.get(self.names.get(name, 0))
        return tracked.generation if tracked is not None and tracked.is_of(obj) else None

    def everything(self) -> wire.State:
        """What the last looks amount to: ``{"names", "objects"}``, not as a difference."""
        records = [t.record for t in self.tracked.values() if t.record is not None]
        return {"names": dict(self.names), "objects": records}

    def walk(self, names: UserNames | None = None) -> NamespaceWalk:
        """A walk through the namespace.

        Args:
            names: another thread's own view of the namespace.
        """
        return NamespaceWalk(names or self._globals, self.types, self._parts.is_model)

    def parameter_parts(self, obj: Any) -> list[Part]:
        """The models that it was given; changes nothing here, so that another thread may ask."""
        return self._parts.parameter_parts(obj)

    # One object.

    def _describe(
        self,
        obj: Any,
        objects: dict[int, wire.ObjectFacts],
        seen: dict[int, None],
        cut: list[str],
        depth: int,
    ) -> int:
        """Notes the object's facts if they differ, and those of its parts; returns its token.

        One that is made of what cannot be read has no record afterwards: what holds it is left out, too.
        """
        token = self.tokens.of(obj)
        if token in seen:
            return token
        seen[token] = None
        tracked = self._track(obj, token)
        if tracked.record is not None and self.reader.overdue():
            cut.append(f"#{tracked.generation}: no time left to look at it")
            self.behind = True
            return token
        still = not tracked.owed and self._is_unchanged(obj, tracked)
        record = None if still else self._record(obj, token, tracked)
        if record is None and tracked.record is not None and not tracked.record["parts"]:
            return token
        levels = min(depth, self._parts.reader_of(obj).levels)
        parts = self._describe_parts(obj, tracked, objects, seen, cut, levels)
        if parts is None:
            self._unreadable.add(token)
            tracked.record = None
            return token
        if record is None:
            record = tracked.record.copy()  # type: ignore[union-attr] # what is unchanged was described before
        record["parts"] = parts
        record["partners"] = tracked.record["partners"] if tracked.record is not None else []
        if tracked.owed or record != tracked.record:
            tracked.record = objects[token] = record
            tracked.owed = False
        return token

    def _track(self, obj: Any, token: int) -> TrackedObject:
        tracked = self.tracked.get(token)
        if tracked is None:
            tracked = self.tracked[token] = TrackedObject(obj)
            tracked.known = "part" if token in self._folded else ""
        elif tracked.record is None and tracked.generation is not None:
            tracked.known = tracked.known or "local"
        return tracked

    def _describe_parts(
        self,
        obj: Any,
        tracked: TrackedObject,
        objects: dict[int, wire.ObjectFacts],
        seen: dict[int, None],
        cut: list[str],
        levels: int,
    ) -> list[wire.Part] | None:
        """Its ``Part`` facts; ``None`` if one of them cannot be read."""
        folded = len(self._parts.folded)
        parts = self._parts.parts_of(obj) if levels else []
        tracked.folds = len(self._parts.folded) > folded
        facts: list[wire.Part] = []
        for label, key, part in parts:
            if self._parts.is_unreadable(part):
                return None
            token = self._describe(part, objects, seen, cut, levels - 1)
            if token in self._unreadable:
                return None
            facts.append({"label": label, "token": token, "key": key})
        return facts

    def _is_unchanged(self, obj: Any, tracked: TrackedObject) -> bool:
        """Whether a comparison attribute by attribute, in C if possible, finds all as it was.

        The parts of a composite change by themselves: one that is made of its attributes is looked at in full.
        """
        record, own = tracked.record, instance_dict(obj)
        if record is None or own is None or record["not_evaluated"]:
            return False
        info = self.types.of(type(obj))
        reader, bindings = self.libraries.reader_of(info), tracked.in_order
        if not reader.by_attributes:
            values = [pair for part in reader.split(obj, info) for pair in part.items()]
            return len(values) == len(bindings) and all(
                name == place and self.reader.is_still(value, binding)
                for (name, value), (place, binding) in zip(values, bindings)
            )
        if record["parts"] or tracked.folds or len(bindings) != len(own):
            return False
        return all(
            # A key that is no plain name may define `__eq__`.
            name is place and self.reader.is_still(value, binding)
            for (name, value), (place, binding) in zip(pairs_of(own, len(bindings)), bindings)
        )

    def _record(self, obj: Any, token: int, tracked: TrackedObject) -> wire.ObjectFacts:
        info = self.types.of(type(obj))
        self.on_class(type(obj))
        reader = self.libraries.reader_of(info)
        params, learned = reader.split(obj, info)
        names = [n for n, _ in attributes_of(obj)] if reader.by_attributes else [*params, *learned]
        tracked.in_order = [(n, tracked.binding(n if n in params else "." + n)) for n in names]
        left_out: list[str] = []
        signatures: dict[str, wire.Signature] = {}
        for name, value in learned.items():
            if self.reader.overdue():
                left_out.append(name)
                self.behind = True
            else:
                computed = name in reader.computed
                signatures[name] = self.reader.signature(value, tracked.binding("." + name), computed)
        return {
            "token": token,
            "generation": tracked.generation,
            "cls": info.name,
            "library": info.library,
            "id": id(obj),
            "by_address": tracked.is_by_address(),
            "params": {n: self.reader.parameter(v, tracked.binding(n)) for n, v in params.items()},
            "learned": signatures,
            "parts": [],
            "bases": info.bases,
            "not_evaluated": left_out,
            "partners": [],
            "signs": reader.training_evidence(obj),
            "helper": reader.is_helper,
            "known": tracked.known,
        }

    def _note_partners(self, token: int, partners: list[int], objects: dict[int, wire.ObjectFacts]) -> None:
        tracked = self.tracked[token]
        if tracked.record is not None and partners != tracked.record["partners"]:
            tracked.record = objects[token] = {**tracked.record, "partners": partners}

    def _name(self, token: int, objects: dict[int, wire.ObjectFacts]) -> None:
        """Numbers an object that a name reaches for the first time."""
        tracked = self.tracked[token]
        if tracked.generation is not None or (tracked.record is not None and tracked.record["helper"]):
            return
        number = self._generation_of(tracked)
        if tracked.record is not None:
            tracked.record = objects[token] = {**tracked.record, "generation": number}

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
            tracked = self.tracked.get(token)
            if tracked is None or token in seen:
                continue
            tracked.record = None
            if tracked.is_dead():
                del self.tracked[token]
            else:
                self._hidden[token] = None


def _ignore(_cls: type) -> None:
    """Stands for a watcher of calls, if there is none."""
