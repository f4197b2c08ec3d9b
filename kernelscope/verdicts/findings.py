"""What is found on the learned axis, and the evidence for it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.facts import Call, FileAccess, MethodInCode, ObjectFacts, Signature
from kernelscope.libraries.registry import card_for
from kernelscope.verdicts.context import JudgingContext


class Finding(Struct, frozen=True):
    """A value on the learned axis, how sure it is, and why."""

    learned: Learned
    certainty: Certainty = "observed"
    evidence: tuple[str, ...] = ()
    source: FileAccess | None = None
    """The file that a carried state came from, where it is known."""
    in_memory: bool = False
    """A carried state is known not to come from a file."""
    copied: bool = False
    """It is known to be that of another object, in memory."""

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

    @property
    def names(self) -> tuple[str, ...]:
        """All that differ."""
        return (*self.bound, *self.written, *self.lost)

    @property
    def only_renewed(self) -> bool:
        """Whether all content is as it was, part of it in other objects."""
        return not self.written and not self.lost and len(self.renewed) == len(self.bound)

    def __bool__(self) -> bool:
        return bool(self.bound or self.written or self.lost)

    def sentences(self) -> tuple[str, ...]:
        """What differs, as evidence."""
        told = (
            (self.bound, "bound to a new value"),
            (self.written, "written in place"),
            (self.lost, "gone"),
        )
        return tuple(f"{listed(names)} {what}" for names, what in told if names)


def attribute_changes(before: ObjectFacts, after: ObjectFacts) -> AttributeChanges:
    """Compares signatures; what was not evaluated on either side is left out."""
    card = card_for(after)
    unseen = {*before.not_evaluated, *after.not_evaluated}
    old = {n: s for n, s in before.learned.items() if card.is_learned(n) and n not in unseen}
    new = {n: s for n, s in after.learned.items() if card.is_learned(n) and n not in unseen}
    bound, written, renewed = [], [], []
    for name, signature in new.items():
        earlier = old.get(name)
        if earlier is None or earlier.serial != signature.serial:
            bound.append(name)
            if earlier is not None and None is not earlier.digest == signature.digest:
                renewed.append(name)
        elif _is_written(earlier, signature):
            written.append(name)
    emptied = [n for n in bound if new[n].text == "None" and n in old and old[n].text != "None"]
    lost = [*(n for n in old if n not in new), *emptied]
    rebound = tuple(n for n in bound if n not in emptied)
    return AttributeChanges(rebound, tuple(written), tuple(lost), tuple(renewed))


def _is_written(earlier: Signature, now: Signature) -> bool:
    """By content; of a tensor that was not read, or of which samples were, also by its count of writes."""
    if None not in (earlier.digest, now.digest) and earlier.digest != now.digest:
        return True
    exact = earlier.digest is not None and now.digest is not None and not now.digest.startswith("~")
    return not exact and earlier.version != now.version


def carried_state(
    facts: ObjectFacts, context: JudgingContext, certainty: Certainty, evidence: tuple[str, ...]
) -> Finding:
    """A state that came from elsewhere, with the file that it came from where the code names one."""
    mine = (facts.token, *context.wholes_of(facts.token), None)
    loads = sorted((f for f in context.files("load") if f.token in mine), key=lambda f: mine.index(f.token))
    source = loads[0] if loads else None
    if source is not None:
        call = f"the cell calls {source.call}()"
        told = call + (f" on {source.path}" if source.path else "")
        evidence = (*(e for e in evidence if e != call), told)
    elif context.observation.code.copies:
        evidence = (*evidence, f"the cell calls {listed(context.observation.code.copies)}()")
    return Finding(Learned.CARRIED, certainty, evidence, source)


def twin_of(facts: ObjectFacts, context: JudgingContext) -> ObjectFacts | None:
    """A known object with the same class and, attribute for attribute, the same learned content."""
    mine = {n: s.digest for n, s in facts.learned.items()}
    if not mine or None in mine.values():
        return None
    for other in reversed(tuple(context.before.values())):
        if other.cls == facts.cls and other.token != facts.token:
            theirs = {n: s.digest for n, s in other.learned.items()}
            if theirs == mine:
                return other
    return None


def call_seen(call: Call) -> str:
    """The sentence about a call that was seen."""
    times = "" if call.times == 1 else f" {call.times} times"
    inside = f" inside {call.inside}()" if call.inside else ""
    return f"{call.method}() seen{times}{inside}"


def calls_in_code(methods: Sequence[MethodInCode]) -> tuple[str, ...]:
    """The sentences about calls that stand in the code."""
    told = (
        f"{m.inside}() calls {m.method}()" if m.inside else f"the cell calls {m.method}()" for m in methods
    )
    return tuple(dict.fromkeys(told))


def listed(names: tuple[str, ...], most: int = 4) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
