"""Describes one model after another, and its parts: what it is, what it was given and what it has learned."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable

from .content import Content
from .identity import Tokens
from .library import Libraries, Values
from .marks import take_mark
from .parts import Composition, PartFinder
from .tracked import TrackedObject
from .types import TypeCache, attributes_of, instance_dict
from .values import ValueReader

if TYPE_CHECKING:
    from . import wire


class Describer:
    """Keeps a record of each object that a look has come upon, and tells which of them differ.

    It holds strong references to nothing of the user's.
    """

    def __init__(self, types_: TypeCache, libraries: Libraries, tokens: Tokens, reader: ValueReader) -> None:
        self._types, self._libraries, self.tokens, self.reader = types_, libraries, tokens, reader
        self.parts = PartFinder(types_, libraries, tokens)
        self.tracked: dict[int, TrackedObject] = {}
        self.parts.is_named = self._is_named
        self._numbers = itertools.count(1)
        self.on_parts: Callable[[int, list[int], list[int]], None] = _ignore_parts
        """Called with the tokens of an object, of its parts before and of those now, if these differ."""
        self.on_class: Callable[[type], None] = _ignore
        """Called with the class of every model that a look describes."""
        self._folding: dict[int, frozenset[int]] = {}
        """By token of an object with a long list of parts, the tokens in it that are recorded as one value."""
        self.known_as = ""
        """As what the objects were known before that are described for the first time: see ``ObjectFacts.known``."""
        self.visits_all = False
        """Something has no weak reference: only by way of what holds it can it be compared."""
        self._folded: Counter[int] = Counter()
        """By token, in how many of these lists it was at the last look."""
        self._folding_changes: list[tuple[frozenset[int], frozenset[int]]] = []
        """What was in a list at the last look, and what is in it now."""
        # Of one look.
        self.run = 0
        """The execution count of the run that the look follows."""
        self.is_between_runs = False
        self.objects: dict[int, wire.ObjectFacts] = {}
        """By token, the records that differ from those of the look before."""
        self.seen: dict[int, None] = {}
        """Tokens of what it has come upon."""
        self.compared: dict[int, None] = {}
        """Those among them whose content was compared: there was time for it."""
        self.cut: list[str] = []
        self.behind = False
        """There was no time left for something; what it would have found, the next look finds."""
        self.unreadable: set[int] = set()
        """Tokens of what is made of something that cannot be read."""
        self.described = 0
        """Objects whose attributes were gone through."""

    def begin(self, cut: list[str], run: int, *, is_between_runs: bool) -> None:
        """Another look begins.

        Args:
            cut: what the walk has left out.
            run: the execution count of the run that it follows.
            is_between_runs: what it finds was done after that run.
        """
        self.run, self.is_between_runs = run, is_between_runs
        self.objects, self.seen, self.compared, self.cut, self.unreadable = {}, {}, {}, cut, set()
        self.behind = False
        self.described = 0
        for before, now in self._folding_changes:
            self._folded.subtract(before - now)
            self._folded.update(now - before)
            for token in before - now:
                if not self._folded[token]:
                    del self._folded[token]
        self._folding_changes = []

    def describe(self, obj: Any, levels: int, *, again: bool = False) -> int:
        """Note the object's facts if they differ, and those of its parts; return its token.

        One that is made of what cannot be read has no record afterwards: what holds it is left out, too.
        """
        token = self.tokens.of(obj)
        if token in self.seen and not again:
            return token
        self.seen[token] = None
        tracked = self._track(obj, token)
        if tracked.record is not None and self.reader.overdue():
            self.cut.append(f"#{tracked.generation}: no time left to look at it")
            self.behind = True
            return token
        self.compared[token] = None
        reader = self.parts.reader_of(obj)
        levels = max(tracked.levels, min(levels, reader.levels))
        is_other = tracked.owed or tracked.has_other_names or levels != tracked.levels
        still = not is_other and self.is_unchanged(obj, tracked)
        missed = self._first_missed(tracked)
        tracked.looked_after, tracked.levels, tracked.has_other_names = self.run, levels, False
        tracked.is_changed = False
        tracked.is_linked = reader.is_linked
        if still and not self.visits_all:
            take_mark(obj, tracked, reader)
            return token
        split = reader.split(obj, self._types.of(type(obj)))
        record = tracked.record.copy() if still else self._record(obj, token, tracked, split)  # type: ignore[union-attr] # what is unchanged has a record
        parts = self._describe_parts(obj, token, tracked, split)
        if parts is None:
            self.unreadable.add(token)
            tracked.record = None
            return token
        before = tracked.record
        record["parts"] = parts
        record["partners"] = before["partners"] if before is not None else []
        if before is not None and parts != before["parts"]:
            self.on_parts(token, self.part_tokens(token), [part["token"] for part in parts])
        if tracked.owed or record != before:
            tracked.record = self.objects[token] = record
            tracked.owed = False
            if before is not None and missed:
                self.objects[token] = {**record, "since": missed}
        tracked.content = Content(tracked.in_order)
        take_mark(obj, tracked, reader)
        return token

    def _is_named(self, token: int) -> bool:
        tracked = self.tracked.get(token)
        return tracked is not None and bool(tracked.names)

    def part_tokens(self, token: int) -> list[int]:
        """Tokens of the parts that an object was described with."""
        tracked = self.tracked.get(token)
        record = tracked.record if tracked is not None else None
        return [part["token"] for part in record["parts"]] if record is not None else []

    def _first_missed(self, tracked: TrackedObject) -> int:
        """The first run that can have changed the content, if that is not the one that the look follows; else 0."""
        first = tracked.looked_after + 1
        return first if not tracked.is_changed and first < self.run + self.is_between_runs else 0

    def _track(self, obj: Any, token: int) -> TrackedObject:
        tracked = self.tracked.get(token)
        if tracked is None:
            tracked = self.tracked[token] = TrackedObject(obj)
            tracked.known = "part" if token in self._folded else self.known_as
        elif tracked.record is None and tracked.generation is not None:
            tracked.known = tracked.known or "local"
        return tracked

    def _describe_parts(
        self, obj: Any, token: int, tracked: TrackedObject, split: tuple[Values, Values]
    ) -> list[wire.Part] | None:
        """Its ``Part`` facts; ``None`` if one of them cannot be read."""
        composition = self.parts.parts_of(obj, split) if tracked.levels else Composition([])
        tracked.lists = composition.lists
        self._fold(token, composition.folded)
        facts: list[wire.Part] = []
        for label, key, part in composition.parts:
            if self.parts.is_unreadable(part):
                return None
            inner = self.describe(part, tracked.levels - 1)
            if inner in self.unreadable:
                return None
            facts.append({"label": label, "token": inner, "key": key})
        return facts

    def is_unchanged(self, obj: Any, tracked: TrackedObject) -> bool:
        """Whether a comparison of its content, without hashing, finds all as it was.

        The parts of a composite change by themselves.
        """
        record = tracked.record
        if record is None or not tracked.is_plain or record["not_evaluated"]:
            return False
        info = self._types.of(type(obj))
        reader = self._libraries.reader_of(info)
        if reader.by_attributes:
            content = tracked.content
            return content is not None and content.is_same(obj, self.reader)
        bindings = tracked.in_order
        values = [pair for part in reader.split(obj, info) for pair in part.items()]
        return len(values) == len(bindings) and all(
            name == place and self.reader.is_still(value, binding)
            for (name, value), (place, binding) in zip(values, bindings)
        )

    def _record(
        self, obj: Any, token: int, tracked: TrackedObject, split: tuple[Values, Values]
    ) -> wire.ObjectFacts:
        self.described += 1
        info = self._types.of(type(obj))
        self.on_class(type(obj))
        reader = self._libraries.reader_of(info)
        params, learned = split
        own = attributes_of(obj) if reader.by_attributes else [*params.items(), *learned.items()]
        tracked.in_order = [(n, tracked.binding(n if n in params else "." + n)) for n, _ in own]
        for (name, value), (_, binding) in zip(own, tracked.in_order):
            if name not in params and name not in learned and not binding.holds(value):
                binding.bind(value)  # it is not reported
        tracked.is_plain = instance_dict(obj) is not None
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

    def note_partners(self, token: int, partners: list[int]) -> None:
        """Record the models that an object works on."""
        tracked = self.tracked[token]
        if tracked.record is not None and partners != tracked.record["partners"]:
            tracked.record = {**tracked.record, "partners": partners}
            self.objects[token] = {**self.objects.get(token, tracked.record), "partners": partners}

    def name(self, token: int) -> None:
        """Number an object that a name reaches for the first time."""
        tracked = self.tracked[token]
        if tracked.generation is not None or (tracked.record is not None and tracked.record["helper"]):
            return
        number = self.generation_of(tracked)
        if tracked.record is not None:
            tracked.record = {**tracked.record, "generation": number}
            self.objects[token] = {**self.objects.get(token, tracked.record), "generation": number}

    def generation_of(self, tracked: TrackedObject) -> int:
        """The object's generation; given now if it has none."""
        if tracked.generation is None:
            tracked.generation = self.next_number()
        return tracked.generation

    def next_number(self) -> int:
        """A generation's number, never given again."""
        return next(self._numbers)

    def folding(self, tokens: frozenset[int]) -> list[int]:
        """Tokens of the objects whose long lists hold one of these."""
        return [token for token, folded in self._folding.items() if not folded.isdisjoint(tokens)]

    def owner_of(self, token: int) -> int | None:
        """The object whose long list holds this one; ``None`` if none does, or it is recorded by itself."""
        tracked = self.tracked.get(token)
        if tracked is not None and tracked.record is not None:
            return None
        return next(iter(self.folding(frozenset((token,)))), None) if self._folding else None

    def _fold(self, token: int, folded: frozenset[int]) -> None:
        """Note what an object's long lists hold."""
        before = self._folding.get(token, frozenset())
        if folded != before:
            self._folding_changes.append((before, folded))
        if folded:
            self._folding[token] = folded
        else:
            self._folding.pop(token, None)

    def forget(self, token: int) -> None:
        """The object is gone."""
        self.tracked.pop(token, None)
        self._fold(token, frozenset())


def _ignore_parts(_token: int, _before: list[int], _now: list[int]) -> None:
    """Stands for one who keeps count of parts, if there is none."""


def _ignore(_cls: type) -> None:
    """Stands for a watcher of calls, if there is none."""
