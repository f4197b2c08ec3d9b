"""What happened to the learned state of an object that is still the same object."""

from __future__ import annotations

from msgspec.structs import replace

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.evidence import (
    AttributesNotRead,
    AttributesSetInCode,
    Circumstance,
    CounterFell,
    Evidence,
    PartEvidence,
)
from kernelscope.domain.facts import Call, MethodInCode, ObjectFacts, Part, reads_the_same
from kernelscope.libraries.registry import Effect, LibraryRules, rules_for
from kernelscope.verdicts.context import DEPTH, JudgingContext, working_parts
from kernelscope.verdicts.fitted import had_learned, has_learned
from kernelscope.verdicts.learned_finding import (
    AttributeChanges,
    LearnedFinding,
    attribute_changes,
    call_seen,
    calls_in_code,
    restored_state,
)
from kernelscope.verdicts.networks import same_network

_BY_RANK = (
    Learned.CLEARED,
    Learned.REFITTED,
    Learned.CARRIED,
    Learned.EDITED,
    Learned.UNKNOWN,
    Learned.CONTINUED,
    Learned.FITTED,
)
"""The order of the verdicts: the first of several parts' changes decides about the whole."""


def same_object(
    before: ObjectFacts, after: ObjectFacts, context: JudgingContext, depth: int = DEPTH
) -> LearnedFinding:
    """What happened to the learned state of an object that is still the same object.

    Args:
        depth: how many levels of parts are followed; a composite may hold itself.
    """
    rules = rules_for(after)
    if rules.is_network:
        return same_network(before, after, context)
    was, now = had_learned(before, context), has_learned(after, context.after, {})
    attributes = attribute_changes(before, after)
    parts = _through_parts(before, after, context, depth) if depth else LearnedFinding(Learned.SAME)
    returned = [c for c in context.calls_on(after.token) if c.returned]
    learning_calls = [c for c in returned if rules.effect(after, c.method, c.given) in LEARNING_EFFECTS]
    if was and not now:
        evidence = attributes.evidence() or parts.evidence or (Circumstance.PART_REPLACED,)
        return LearnedFinding(Learned.CLEARED, "observed", evidence)
    through = _learned_through_parts(before, after, learning_calls, parts, was, now, context, depth)
    if through.happened:
        return through
    if attributes and not learning_calls and after.token in context.missed_since:
        # What this run's code says is no evidence: the run may be another one.
        return LearnedFinding(
            Learned.UNKNOWN if was or now else Learned.NONE, "unknown", attributes.evidence()
        )
    if learning_calls:
        return _by_calls(after, learning_calls, was, now, attributes, context)
    if not attributes and not parts.happened:
        return _by_calls_that_must_have_run(rules, after, was, now, context)
    if not attributes:
        return _as_the_whole_sees_it(parts, was, now)
    if was and not parts.happened and _may_be_refused(rules, after, attributes, context):
        return _judge_refused_fit(before, after, attributes)
    if not parts.happened and _is_bookkeeping(after, attributes, context):
        return LearnedFinding(Learned.SAME if was else Learned.NONE)
    return _by_cause(before, after, was, now, attributes, context)


_CHANGING_EFFECTS = (Effect.REFITS, Effect.CONTINUES, Effect.RESTORES, Effect.CLEARS)
LEARNING_EFFECTS = (Effect.REFITS, Effect.CONTINUES, Effect.RESTORES)
"""Effects of calls after which a model has learned something."""


def _by_calls(
    facts: ObjectFacts,
    calls: list[Call],
    was: bool,
    now: bool,
    attributes: AttributeChanges,
    context: JudgingContext,
) -> LearnedFinding:
    rules = rules_for(facts)
    effects = {rules.effect(facts, c.method, c.given) for c in calls}
    evidence = (*(call_seen(c) for c in calls), *attributes.evidence())
    if Effect.RESTORES in effects and Effect.REFITS not in effects:
        return restored_state(
            facts, context, "observed", evidence
        )  # and learned on, if it had learned before
    if not was:
        return LearnedFinding(Learned.FITTED if now else Learned.NONE, "observed", evidence)
    learned = Learned.REFITTED if Effect.REFITS in effects else Learned.CONTINUED
    return LearnedFinding(learned, "observed", evidence)


def _by_calls_that_must_have_run(
    rules: LibraryRules, after: ObjectFacts, was: bool, now: bool, context: JudgingContext
) -> LearnedFinding:
    """Nothing differs, and yet a call may have learned or loaded the very same state again.

    That is concluded only if calls are not seen and the code cannot have skipped one.  For an object whose
    learned state cannot be read, the code is the only evidence.
    """
    unread = rules.is_unread(after)
    here = () if context.sees_calls or not now else context.surely_called_on(after.token)
    if unread and not context.sees_calls:
        here = tuple(m for m in context.methods_possible_on(after.token) if m.token == after.token)
    effects = {rules.effect(after, m.method, m.given): m for m in here}
    reason: Evidence = Circumstance.STATE_UNREADABLE if unread else Circumstance.EQUAL_AFTER_CALL
    for effect in (Effect.REFITS, Effect.RESTORES, Effect.CONTINUES):
        if was and effect in effects:
            evidence = (*calls_in_code([effects[effect]]), reason)
            if effect is Effect.RESTORES:
                return restored_state(after, context, "inferred", evidence)
            return LearnedFinding(
                Learned.REFITTED if effect is Effect.REFITS else Learned.CONTINUED, "inferred", evidence
            )
    left_out = () if context.sees_calls or not was else after.not_evaluated
    calls = calls_in_code([m for m in _changing_calls_in_code(after, context) if m.token == after.token])
    if left_out and calls:
        return LearnedFinding(Learned.UNKNOWN, "unknown", (*calls, AttributesNotRead(left_out)))
    return LearnedFinding(Learned.SAME if was else Learned.NONE)


def _changing_calls_in_code(facts: ObjectFacts, context: JudgingContext) -> tuple[MethodInCode, ...]:
    """Calls in the code that may have changed what this object has learned."""
    rules, possible = rules_for(facts), context.methods_possible_on(facts.token)
    return tuple(m for m in possible if rules.effect(facts, m.method, m.given) in _CHANGING_EFFECTS)


def _learned_through_parts(
    before: ObjectFacts,
    after: ObjectFacts,
    learning_calls: list[Call],
    parts: LearnedFinding,
    was: bool,
    now: bool,
    context: JudgingContext,
    depth: int,
) -> LearnedFinding:
    """What a call on the whole did, if it works by changing the parts in place."""
    if not was and not now:
        return _wrapper(before, after, learning_calls, context, depth)
    if not (learning_calls and was and parts.happened and rules_for(after).fits_parts_in_place(after)):
        return LearnedFinding(Learned.SAME)
    # What became of a pipeline is what became of its steps: one of them may have warm_start.
    seen = tuple(call_seen(c) for c in learning_calls)
    return replace(_as_the_whole_sees_it(parts, was, now), evidence=(*seen, *parts.evidence))


def _wrapper(
    before: ObjectFacts, after: ObjectFacts, learning_calls: list[Call], context: JudgingContext, depth: int
) -> LearnedFinding:
    """What a call on the whole did to the parts in place, if the whole keeps nothing of its own: a class of the
    user's around one model."""
    here = bool(learning_calls) or any(
        m.token == after.token for m in _changing_calls_in_code(after, context)
    )
    if after.learned or not here or not depth or rules_for(after).fits_parts_in_place(after):
        return LearnedFinding(Learned.SAME)
    return _through_parts(before, after, context, depth, tuple(p for p in after.parts if p.key is not None))


def _as_the_whole_sees_it(parts: LearnedFinding, was: bool, now: bool) -> LearnedFinding:
    """The finding of a part as one of its whole: a part's first fit is no first fit of a fitted whole, and the
    other way round."""
    learned = parts.learned
    if was and learned is Learned.FITTED:
        learned = Learned.CONTINUED
    elif not was and now and learned in (Learned.REFITTED, Learned.CONTINUED):
        learned = Learned.FITTED
    return replace(parts, learned=learned)


def _is_bookkeeping(after: ObjectFacts, attributes: AttributeChanges, context: JudgingContext) -> bool:
    """Whether attributes were only replaced by equal content, and neither a learning call nor a statement of
    the cell did it: using a model can do that (``StackingClassifier.transform`` sets ``_n_feature_outs``), and
    so can a fit that was refused or interrupted before it learned (``KMeans.fit`` sets ``_tol``)."""
    if not attributes.only_renewed or any(t == after.token for t, _ in context.observation.code.assigned):
        return False
    run = context.observation.run
    possible = _changing_calls_in_code(after, context)
    if not possible or (context.sees_calls and not any(m.sure for m in possible)):
        return True
    private = all(name.startswith("_") for name in attributes.bound)
    return private and run is not None and run.status != "ok"


def _may_be_refused(
    rules: LibraryRules, after: ObjectFacts, attributes: AttributeChanges, context: JudgingContext
) -> bool:
    """Whether a ``fit`` that changed only what it validates can have been refused: it raised, or the code may
    have caught its error, and the core of what was learned is unchanged."""
    if not rules.is_validation_only(after, attributes.names):
        return False
    if context.sees_calls:
        return any(not c.returned for c in context.calls_on(after.token))
    run = context.observation.run
    if run is not None and run.status != "ok":
        return True
    by_hand = any(token == after.token for token, _ in context.observation.code.assigned)
    sure = any(
        rules.effect(after, m.method, m.given) in _CHANGING_EFFECTS
        for m in context.surely_called_on(after.token)
    )
    can_be_fit = may_have_learned(rules, after, context)
    return can_be_fit and not sure and not by_hand and rules.is_core_unchanged(after, attributes.names)


def _judge_refused_fit(
    before: ObjectFacts, after: ObjectFacts, attributes: AttributeChanges
) -> LearnedFinding:
    """A ``fit`` validated its input and learned nothing from it: the learned state is there, and may not match
    the recorded input any more."""
    if not attributes.lost and all(_is_equal(before, after, name) for name in attributes.names):
        return LearnedFinding(Learned.SAME)
    evidence = (*attributes.evidence(), Circumstance.FIT_REFUSED)
    return LearnedFinding(Learned.UNKNOWN, "unknown", evidence)


def _is_equal(before: ObjectFacts, after: ObjectFacts, name: str) -> bool:
    old = before.learned.get(name)
    return old is not None and reads_the_same(old, after.learned[name])


def _by_cause(
    before: ObjectFacts,
    after: ObjectFacts,
    was: bool,
    now: bool,
    attributes: AttributeChanges,
    context: JudgingContext,
) -> LearnedFinding:
    """Attributes differ, and no learning call is known to have returned."""
    refused = any(not c.returned for c in context.calls_on(after.token)) or not context.sees_calls
    if refused and not was and not now:
        return LearnedFinding(Learned.NONE)
    if context.sees_calls:
        return _without_seen_call(before, after, was, attributes, context)
    return _by_code(before, after, was, attributes, context)


def _without_seen_call(
    before: ObjectFacts, after: ObjectFacts, was: bool, attributes: AttributeChanges, context: JudgingContext
) -> LearnedFinding:
    """Attributes differ and no learning call returned, though calls are seen."""
    raised = [c for c in context.calls_on(after.token) if not c.returned]
    if raised:
        calls = (call_seen(c, came_back=False) for c in raised)
        evidence = (*calls, *attributes.evidence())
        return LearnedFinding(Learned.UNKNOWN, "unknown", evidence)
    rules = rules_for(after)
    if any(
        rules.effect(after, m.method, m.given) in LEARNING_EFFECTS
        for m in context.surely_called_on(after.token)
    ):
        return _by_code(before, after, was, attributes, context)  # a method that is not a Python function
    return _judge_edit(after, attributes, context, "observed")


def _by_code(
    before: ObjectFacts, after: ObjectFacts, was: bool, attributes: AttributeChanges, context: JudgingContext
) -> LearnedFinding:
    """Attributes differ and calls are not seen: what can the code have called?"""
    rules = rules_for(after)
    possible = list(_changing_calls_in_code(after, context))
    effects = {rules.effect(after, m.method, m.given) for m in possible}
    if not effects:
        return _judge_edit(after, attributes, context, "inferred")
    evidence = (*calls_in_code(possible), *attributes.evidence())
    if Effect.RESTORES in effects:
        sure = {rules.effect(after, m.method, m.given) for m in context.surely_called_on(after.token)}
        if len(effects) == 1 or Effect.RESTORES in sure:
            return restored_state(after, context, "inferred", evidence)
        return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.ORDER_UNKNOWN))
    if effects == {Effect.CLEARS}:
        return LearnedFinding(Learned.CLEARED if was else Learned.NONE, "inferred", evidence)
    if not was:
        return LearnedFinding(Learned.FITTED, "inferred", evidence)
    sure = {rules.effect(after, m.method, m.given) for m in context.surely_called_on(after.token)}
    if len(effects) > 1 and Effect.REFITS not in sure:
        return _by_counters(before, after, evidence)
    learned = Learned.REFITTED if Effect.REFITS in effects else Learned.CONTINUED
    return LearnedFinding(learned, "inferred", evidence)


def _by_counters(before: ObjectFacts, after: ObjectFacts, evidence: tuple[Evidence, ...]) -> LearnedFinding:
    """The code can have refitted or continued: a counter of updates may show which.

    ``t_`` counts weight updates: ``fit`` starts it at 1, ``partial_fit`` adds to it
    (sklearn/linear_model/_stochastic_gradient.py).
    """
    old, new = before.learned.get("t_"), after.learned.get("t_")
    if old and new and old.number is not None and new.number is not None and old.number > new.number:
        return LearnedFinding(
            Learned.REFITTED, "inferred", (*evidence, CounterFell("t_", old.text, new.text))
        )
    return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.REFIT_OR_CONTINUATION))


def _judge_edit(
    after: ObjectFacts, attributes: AttributeChanges, context: JudgingContext, certainty: Certainty
) -> LearnedFinding:
    written = tuple(a for t, a in context.observation.code.assigned if t == after.token)
    evidence = attributes.evidence()
    if written:
        return LearnedFinding(Learned.EDITED, certainty, (*evidence, AttributesSetInCode(written)))
    if context.observation.code.complete and not context.observation.code.company:
        return LearnedFinding(Learned.EDITED, certainty, (*evidence, Circumstance.NO_LEARNING_CALL_IN_CODE))
    return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.NO_LEARNING_CALL_SEEN))


def _through_parts(
    before: ObjectFacts,
    after: ObjectFacts,
    context: JudgingContext,
    depth: int,
    parts: tuple[Part, ...] | None = None,
) -> LearnedFinding:
    """The highest-ranking change among these parts; by default, among those that the whole works with."""
    parts_before = {p.token for p in before.parts}
    by_learned: dict[Learned, LearnedFinding] = {}
    for part in working_parts(after) if parts is None else parts:
        old, new = context.before.get(part.token), context.after.get(part.token)
        if part.token not in parts_before or old is None or new is None:
            continue
        finding = same_object(old, new, context, depth - 1)
        if finding.happened:
            evidence = tuple(PartEvidence(part.label, e) for e in finding.evidence)
            by_learned.setdefault(finding.learned, replace(finding, evidence=evidence))
    for learned in _BY_RANK:
        if learned in by_learned:
            return by_learned[learned]
    return LearnedFinding(Learned.SAME)


def may_have_learned(rules: LibraryRules, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the code contains a call that may have fitted or continued this object."""
    return any(
        rules.effect(facts, m.method, m.given) in (Effect.REFITS, Effect.CONTINUES)
        for m in context.methods_possible_on(facts.token)
    )
