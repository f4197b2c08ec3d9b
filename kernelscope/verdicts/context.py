"""What the judge knows about one observation: the state before and after it, and indexes over both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kernelscope.domain.facts import (
    Call,
    FileAccess,
    MethodInCode,
    ObjectFacts,
    Observation,
    Opaque,
    Part,
    SavedFile,
    Value,
)
from kernelscope.libraries.registry import rules_for

DEPTH = 4
"""How deep composites in composites are followed: deeper ones are judged by their outer parts."""


@dataclass(frozen=True)
class JudgingContext:
    """One observation, with the state before it and after it."""

    observation: Observation
    before: Mapping[int, ObjectFacts]
    """Every object known before, by token, including those that have died since."""
    after: Mapping[int, ObjectFacts]
    names_before: Mapping[str, int]
    names_after: Mapping[str, int]
    trained: Mapping[int, bool | None] = field(default_factory=dict)
    """Of models whose state does not show it, by token: whether they had learned anything before this observation;
    ``None``: it is not known."""
    kept: Mapping[tuple[str, str], SavedFile] = field(default_factory=dict)
    """What files hold that were seen being written before this observation, by path and class: a checkpoint
    holds a network and its optimizer."""
    epoch: int = 1
    late_since: int | None = None
    """Of an observation that is late: the first run that can have done what it found."""

    @property
    def sees_calls(self) -> bool:
        """Whether calls were watched during this run."""
        return self.observation.sees_calls

    @cached_property
    def touched(self) -> frozenset[int]:
        """Tokens of the objects that can have changed; all others are unchanged."""
        seen = self.observation
        return frozenset(
            (
                *(f.token for f in seen.objects),
                *(c.token for c in seen.calls),
                *(f.token for f in seen.files if f.token is not None),
                *(m.token for m in self._sure if m.token is not None),
                *(m.token for m in seen.code.methods if m.token is not None and self._is_unread(m.token)),
            )
        )

    @cached_property
    def missed_since(self) -> Mapping[int, int]:
        """Objects whose content had its turn late, by token: the first run that can have done what differs."""
        run = self.observation.run
        now = None if run is None else run.execution_count
        return {
            facts.token: facts.since
            for facts in self.observation.objects
            if facts.since is not None and (now is None or facts.since < now)
        }

    def _is_unread(self, token: int) -> bool:
        facts = self.after.get(token)
        return facts is not None and rules_for(facts).is_unread(facts)

    def may_differ(self, facts: ObjectFacts, depth: int = DEPTH) -> bool:
        """Whether the object or anything it holds was touched."""
        if facts.token in self.touched:
            return True
        parts = (self.after.get(p.token) for p in facts.parts) if depth else ()
        return any(h is not None and self.may_differ(h, depth - 1) for h in parts)

    def calls_on(self, token: int) -> tuple[Call, ...]:
        """Calls seen on this object, in the order in which they were first made."""
        return tuple(self._calls.get(token, ()))

    @cached_property
    def _calls(self) -> Mapping[int, Sequence[Call]]:
        by_token: dict[int, list[Call]] = {}
        for call in self.observation.calls:
            by_token.setdefault(call.token, []).append(call)
        return by_token

    def names_of(self, token: int) -> tuple[str, ...]:
        """The names that reach this object now."""
        return tuple(self._names.get(token, ()))

    @cached_property
    def _names(self) -> Mapping[int, Sequence[str]]:
        by_token: dict[int, list[str]] = {}
        for name, token in self.names_after.items():
            by_token.setdefault(token, []).append(name)
        return by_token

    def wholes_of(self, token: int, depth: int = DEPTH) -> tuple[int, ...]:
        """Tokens of the named composites, near and far, that work with this object in place."""
        if depth == 0:
            return ()
        tokens: list[int] = []
        for whole in self._wholes.get(token, ()):
            tokens += [whole, *self.wholes_of(whole, depth - 1)]
        return tuple(dict.fromkeys(tokens))

    def classes_around(self, token: int) -> frozenset[str]:
        """The classes of the objects that hold this one as a part."""
        return self._classes_around.get(token, frozenset())

    @cached_property
    def _classes_around(self) -> Mapping[int, frozenset[str]]:
        classes: dict[int, frozenset[str]] = {}
        for whole in self.after.values():
            for part in whole.parts:
                classes[part.token] = classes.get(part.token, frozenset()) | {whole.cls}
        return classes

    @cached_property
    def _wholes(self) -> Mapping[int, Sequence[int]]:
        """By the token of a part: the composites that work with it, in the order of ``after``.

        An index, because each object is asked for: searching all of them each time would be quadratic.
        """
        by_token: dict[int, list[int]] = {}
        for whole in self.after.values():
            for token in dict.fromkeys(p.token for p in working_parts(whole) if p.token != whole.token):
                by_token.setdefault(token, []).append(whole.token)
        return by_token

    def workers_on(self, token: int) -> tuple[int, ...]:
        """Tokens of the objects that work on this one without containing it: its optimizers."""
        return tuple(self._workers.get(token, ()))

    @cached_property
    def _workers(self) -> Mapping[int, Sequence[int]]:
        by_token: dict[int, list[int]] = {}
        for worker in self.after.values():
            for token in dict.fromkeys(worker.partners):
                by_token.setdefault(token, []).append(worker.token)
        return by_token

    def holders_of(self, token: int) -> tuple[str, ...]:
        """Names of the composites that hold this object, as a part or as a partner."""
        return tuple(
            name
            for name, whole in self.names_after.items()
            if whole != token and holds(self.after, whole, token)
        )

    def methods_possible_on(self, token: int) -> tuple[MethodInCode, ...]:
        """Method calls in the code that may have been made on this object.

        These are calls on the object itself, on a composite that passes them on, and on receivers that the
        source does not name.
        """
        mine = {token, *self.wholes_of(token)}
        new_class = self.after[token].cls if token not in self.before and token in self.after else None
        return tuple(
            m
            for m in self.observation.code.methods
            if (m.token in mine if m.token is not None else m.cls is None or m.cls == new_class)
        )

    def surely_called_on(self, token: int) -> tuple[MethodInCode, ...]:
        """Method calls on this very object that the run cannot have skipped."""
        return tuple(m for m in self._sure if m.token == token)

    @cached_property
    def _sure(self) -> tuple[MethodInCode, ...]:
        run = self.observation.run
        whole = run is not None and run.status == "ok"
        return tuple(m for m in self.observation.code.methods if m.sure) if whole else ()

    def files(self, action: str) -> tuple[FileAccess, ...]:
        """What the code saves (``save``) or loads (``load``)."""
        return tuple(f for f in self.observation.files if f.action == action)


def working_parts(facts: ObjectFacts) -> tuple[Part, ...]:
    """The parts whose learned state is the whole's own."""
    rules = rules_for(facts)
    in_place = rules.fits_parts_in_place(facts)
    return tuple(p for p in facts.parts if in_place or (p.key is None and not rules.is_template(facts, p)))


def holds(objects: Mapping[int, ObjectFacts], whole: int, token: int, depth: int = DEPTH) -> bool:
    """Whether the composite ``whole`` holds ``token``, as a part or as a partner, at any depth."""
    facts = objects.get(whole)
    if facts is None or depth == 0:
        return False
    return token in facts.partners or any(
        p.token == token or holds(objects, p.token, token, depth - 1) for p in facts.parts
    )


def flat_params(
    facts: ObjectFacts, objects: Mapping[int, ObjectFacts], depth: int = DEPTH
) -> dict[str, Value]:
    """Hyper-parameters as ``get_params(deep=True)`` names them: ``C``, ``clf__C``, …; without those of parts that
    have no name."""
    flat: dict[str, Value] = dict(facts.params)
    for part in facts.parts if depth else ():
        part_facts = objects.get(part.token)
        if part.key and part_facts is not None:
            nested = flat_params(part_facts, objects, depth - 1)
            flat.update({f"{part.key}__{name}": value for name, value in nested.items()})
    return flat


def differing_values(
    before: Mapping[str, Value], after: Mapping[str, Value]
) -> dict[str, tuple[Value, Value]]:
    """Parameters that both have and that differ, as (before, after)."""
    return {
        n: (before[n], value) for n, value in after.items() if n in before and not _equal(before[n], value)
    }


def _equal(a: Value, b: Value) -> bool:
    if isinstance(a, Opaque):
        return a.same_as(b)
    return type(a) is type(b) and (a == b or (a != a and b != b))  # NaN is NaN


def rows_of(
    names: Mapping[str, int], objects: Mapping[int, ObjectFacts]
) -> dict[str, tuple[int, str | None]]:
    """Every row of the timeline: a name or a part, with its token and the name of its whole.

    If a part is spelled like a name, the row is the name's.
    """
    rows: dict[str, tuple[int, str | None]] = {}
    for name, token in names.items():
        if token in objects and objects[token].helper:
            continue
        rows[name] = (token, None)
        parts = ((name + label, part_token) for label, part_token in _parts_of(token, objects))
        rows.update({row: (part_token, name) for row, part_token in parts if row not in names})
    return rows


def _parts_of(token: int, objects: Mapping[int, ObjectFacts], depth: int = DEPTH) -> list[tuple[str, int]]:
    facts = objects.get(token)
    parts: list[tuple[str, int]] = []
    for part in facts.parts if facts is not None and depth else ():
        if part.token in objects:
            parts.append((part.label, part.token))
            parts += [(part.label + label, t) for label, t in _parts_of(part.token, objects, depth - 1)]
    return parts
