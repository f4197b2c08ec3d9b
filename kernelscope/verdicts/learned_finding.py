"""A finding about a model's learned state, and what findings are made of: differences and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.evidence import (
    AttributesChanged,
    CallInCode,
    CallSeen,
    CopyInCode,
    Evidence,
    LoadInCode,
)
from kernelscope.domain.facts import Call, FileAccess, MethodInCode, ObjectFacts, Signature, equal_content
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.context import JudgingContext


class LearnedFinding(Struct, frozen=True):
    """What happened to a model's learned state, how sure that is, and why."""

    learned: Learned
    certainty: Certainty = "observed"
    evidence: tuple[Evidence, ...] = ()
    source: FileAccess | None = None
    """The file that a restored state came from, if it is known."""
    in_memory: bool = False
    """A restored state is known not to come from a file."""
    copied: bool = False
    """A restored state is known to be that of another object, in memory."""
    failed: bool = False
    """A learning call raised and left something behind."""

    @property
    def happened(self) -> bool:
        """Whether anything happened at all."""
        return self.learned not in (Learned.SAME, Learned.NONE)


class AttributeChanges(Struct, frozen=True):
    """How the learned attributes of one object differ between two looks."""

    bound: tuple[str, ...] = ()
    """Bound to another object, or there for the first time."""
    written: tuple[str, ...] = ()
    """The same object with other content."""
    lost: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    """Those of ``bound`` whose content is known to be equal to what it was."""
    sampled: tuple[str, ...] = ()
    """Those of ``written`` that were not read in full."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that differ."""
        return (*self.bound, *self.written, *self.lost)

    @property
    def only_renewed(self) -> bool:
        """Whether all content is as it was, part of it in other objects."""
        return not self.written and not self.lost and len(self.renewed) == len(self.bound)

    @property
    def is_only_written(self) -> bool:
        """Whether each attribute holds the object that it held, and some have other content."""
        return bool(self.written) and not self.bound and not self.lost

    def __bool__(self) -> bool:
        return bool(self.bound or self.written or self.lost)

    def evidence(self) -> tuple[Evidence, ...]:
        """What differs: one piece of evidence for each way in which attributes do."""
        pieces = (
            AttributesChanged("bound", self.bound),
            AttributesChanged("written", self.written, self.sampled),
            AttributesChanged("lost", self.lost),
        )
        return tuple(each for each in pieces if each.names)


def attribute_changes(before: ObjectFacts, after: ObjectFacts) -> AttributeChanges:
    """Compares signatures, except of attributes that were not evaluated on either side."""
    rules = rules_for(after)
    unseen = {*before.not_evaluated, *after.not_evaluated}
    old = {n: s for n, s in before.learned.items() if rules.is_learned(n) and n not in unseen}
    new = {n: s for n, s in after.learned.items() if rules.is_learned(n) and n not in unseen}
    bound, written, renewed = [], [], []
    for name, signature in new.items():
        earlier = old.get(name)
        if earlier is None or earlier.serial != signature.serial:
            bound.append(name)
            if earlier is not None and equal_content(earlier, signature):
                renewed.append(name)
        elif _is_written(earlier, signature):
            written.append(name)
    emptied = [n for n in bound if new[n].is_none and n in old and not old[n].is_none]
    lost = [*(n for n in old if n not in new), *emptied]
    rebound = tuple(n for n in bound if n not in emptied)
    sampled = tuple(n for n in written if not (old[n].is_read_in_full and new[n].is_read_in_full))
    return AttributeChanges(rebound, tuple(written), tuple(lost), tuple(renewed), sampled)


def _is_written(earlier: Signature, now: Signature) -> bool:
    """Whether the content differs; for a tensor that was not read in full, whether its count of writes does."""
    if equal_content(earlier, now) is False:
        return True
    exact = earlier.digest is not None and now.is_read_in_full
    return not exact and earlier.version != now.version


def restored_state(
    facts: ObjectFacts,
    context: JudgingContext,
    certainty: Certainty,
    evidence: tuple[Evidence, ...],
    path: str | None = None,
) -> LearnedFinding:
    """The finding that a state came from elsewhere, with its file if the code names one.

    Args:
        path: of the file that it was seen coming from.
    """
    source = _source_of(facts, context, path)
    if source is not None:
        call = CallInCode(source.call)
        evidence = (*(e for e in evidence if e != call), LoadInCode(source.call, source.path))
    elif context.observation.code.copies:
        evidence = (*evidence, CopyInCode(context.observation.code.copies))
    others = [
        m.state_of
        for m in context.observation.code.methods
        if m.token == facts.token and m.state_of not in (None, facts.token)
    ]
    is_of_another = source is None and bool(others)
    return LearnedFinding(Learned.CARRIED, certainty, evidence, source, copied=is_of_another)


def _source_of(facts: ObjectFacts, context: JudgingContext, path: str | None) -> FileAccess | None:
    """The load in the code that gave a state; without a path if it can have been several."""
    mine = (facts.token, *context.wholes_of(facts.token), None)
    loads = sorted((f for f in context.files("load") if f.token in mine), key=lambda f: mine.index(f.token))
    nearest = [f for f in loads if f.token == loads[0].token]
    if len({f.path for f in nearest}) > 1:
        exact = [f for f in nearest if (f.path == path if path is not None else _holds(f, facts, context))]
        only_one = len({f.path for f in exact}) == 1
        nearest = exact if only_one else [replace(nearest[0], path=None)]
    return nearest[0] if nearest else None


def _holds(access: FileAccess, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a file was seen being written with what equals this state."""
    kept = context.kept.get((access.path, facts.cls)) if access.path is not None else None
    twin = twin_of(facts, context)
    return kept is not None and twin is not None and kept.generation == twin.generation


def twin_of(facts: ObjectFacts, context: JudgingContext) -> ObjectFacts | None:
    """A known object with the same class and, attribute for attribute, the same learned content."""
    mine = facts.learned
    if not mine or any(signature.digest is None for signature in mine.values()):
        return None
    for other in reversed(tuple(context.before.values())):
        if other.cls != facts.cls or other.token == facts.token or mine.keys() != other.learned.keys():
            continue
        if all(equal_content(signature, other.learned[name]) for name, signature in mine.items()):
            return other
    return None


def call_seen(call: Call, *, came_back: bool = True) -> Evidence:
    """A seen call as evidence."""
    return CallSeen(call.method, call.times, call.inside, came_back, running=call.running and not came_back)


def calls_in_code(methods: Sequence[MethodInCode]) -> tuple[Evidence, ...]:
    """Calls in the code as evidence, each once."""
    return tuple(dict.fromkeys(CallInCode(m.method, m.inside) for m in methods))
