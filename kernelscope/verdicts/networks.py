"""What happened to the learned state of networks, which does not show by itself whether they have learned.

A network has weights from its first moment on, and random ones are nothing learned.  So its history decides:
``JudgingContext.trained`` keeps it, and every change is judged by what can have caused it: an optimizer's
step, a state that was loaded, weights that were initialised again, a write by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.evidence import AttributesSetInCode, Circumstance, Evidence, SeenAtAttach
from kernelscope.domain.facts import MethodInCode, ObjectFacts
from kernelscope.libraries.base import AttributeKind
from kernelscope.libraries.registry import Effect, registry, rules_for
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import had_learned
from kernelscope.verdicts.learned_finding import (
    AttributeChanges,
    LearnedFinding,
    attribute_changes,
    call_seen,
    calls_in_code,
    restored_state,
    twin_of,
)


class _Cause(Struct, frozen=True):
    """Something in the run that can have changed a network."""

    effect: Effect
    evidence: Evidence
    seen: bool
    """It was seen happening; otherwise it stands in the code."""
    sure: bool
    """It cannot have been skipped."""
    whole: bool = True
    """It was done to the network or to what holds it; otherwise the code does not name its receiver."""


_DEPEND_ON_HISTORY = (Learned.FITTED, Learned.CONTINUED, Learned.REFITTED, Learned.CLEARED)
"""Findings that say whether it had learned before."""


def same_network(before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """What happened to a network that is still the same object.

    Whether a network that was there at the attach had learned before was not observed: what it shows decides,
    and the evidence says so.
    """
    finding = _what_happened(before, after, context)
    if before.token in context.trained or finding.learned not in _DEPEND_ON_HISTORY:
        return finding
    was = had_learned(before, context)
    return replace(finding, certainty="inferred", evidence=(*finding.evidence, SeenAtAttach(was)))


def _what_happened(before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    was = had_learned(before, context)
    changes = attribute_changes(before, after)
    causes = _causes(after, context)
    if not changes:
        return _without_changes(before, after, was, causes)
    if _is_converted(before, after, changes, context):
        return LearnedFinding(Learned.SAME if was else Learned.NONE)
    evidence = (*dict.fromkeys(c.evidence for c in causes), *changes.evidence())
    if _restores_best_checkpoint(causes, after, context):
        causes = tuple(c for c in causes if c.effect is Effect.CONTINUES)
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    effects = {c.effect for c in causes}
    sure = {c.effect for c in causes if c.sure}
    on = Learned.CONTINUED if was else Learned.FITTED
    if _only_statistics(after, changes) and not effects & {Effect.RESTORES, Effect.CLEARS}:
        return LearnedFinding(on, "inferred", (Circumstance.ONLY_STATISTICS_DIFFER, *changes.evidence()))
    if len(effects) > 1 and not sure & {Effect.RESTORES, Effect.CLEARS}:
        return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.ORDER_UNKNOWN))
    if effects & {Effect.RESTORES, Effect.CLEARS} and not _affects_most_weights(causes, after, changes):
        return LearnedFinding(Learned.EDITED, "inferred", (*evidence, Circumstance.MOST_WEIGHTS_EQUAL))
    if Effect.RESTORES in effects:
        return restored_state(after, context, certainty, evidence)
    if Effect.CLEARS in effects:
        return LearnedFinding(_after_clearing(effects, was=was), certainty, evidence)
    if Effect.CONTINUES in effects:
        return LearnedFinding(on, certainty, evidence)
    return _without_a_cause(before, after, changes, on, evidence, context)


def _after_clearing(effects: set[Effect], *, was: bool) -> Learned:
    """What clearing a network's weights amounts to, perhaps with training after it."""
    if Effect.CONTINUES in effects:
        return Learned.REFITTED if was else Learned.FITTED
    return Learned.CLEARED if was else Learned.NONE


def new_network(after: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """Where the learned state of a new network comes from, if it has any."""
    causes = _causes(after, context)
    own_best = _restores_best_checkpoint(causes, after, context)
    effects = {Effect.CONTINUES} if own_best else {c.effect for c in causes}
    evidence = tuple(dict.fromkeys(c.evidence for c in causes))
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    twin = twin_of(after, context)
    loaded = not own_best and any(f.token == after.token for f in context.files("load"))
    if Effect.RESTORES in effects or loaded:
        doubtful = not loaded and not any(c.sure for c in causes if c.effect is Effect.RESTORES)
        finding = restored_state(after, context, certainty, evidence)
        if finding.source is None and twin is not None and not had_learned(twin, context):
            return LearnedFinding(Learned.NONE, certainty, (Circumstance.EQUALS_UNTRAINED_NETWORK,))
        if doubtful and Effect.CONTINUES not in effects:
            return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.MAY_BE_SKIPPED))
        return replace(finding, learned=Learned.CONTINUED) if Effect.CONTINUES in effects else finding
    if Effect.CONTINUES in effects:
        return LearnedFinding(Learned.FITTED, certainty, evidence)
    if _stands_on_known_parts(after, context):
        return LearnedFinding(Learned.CARRIED, "observed", (Circumstance.PARTS_KEEP_STATE,), in_memory=True)
    if twin is not None and had_learned(twin, context):
        return LearnedFinding(Learned.CARRIED, "inferred", (Circumstance.EQUALS_KNOWN_NETWORK,), copied=True)
    if any(_is_copy_of_a_trained_one(p.token, context) for p in after.parts):
        return LearnedFinding(Learned.CARRIED, "inferred", (Circumstance.CONTAINS_TRAINED_COPY,), copied=True)
    if not context.observation.code.complete and rules_for(after).was_written(after):
        return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.WRITTEN_OFTEN,))
    return LearnedFinding(Learned.NONE)


def _is_copy_of_a_trained_one(part: int, context: JudgingContext) -> bool:
    """Whether a new part equals a network that had learned (an average of weights begins with such a copy)."""
    facts = context.after.get(part) if part not in context.before else None
    twin = twin_of(facts, context) if facts is not None else None
    return twin is not None and had_learned(twin, context)


def has_network_learned(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a network has learned anything after the run."""
    before = context.before.get(facts.token)
    if before is not None and not context.may_differ(facts):
        return had_learned(before, context)
    finding = new_network(facts, context) if before is None else same_network(before, facts, context)
    if finding.learned in (Learned.CLEARED, Learned.NONE):
        return False
    kept = finding.learned in (Learned.SAME, Learned.EDITED, Learned.UNKNOWN) and before is not None
    return had_learned(before, context) if kept and before is not None else True


def trained_networks(context: JudgingContext) -> dict[int, bool]:
    """Whether each network that the observation touched has learned anything, by token."""
    touched = (context.after.get(token) for token in context.touched)
    return {
        f.token: has_network_learned(f, context) for f in touched if f is not None and rules_for(f).is_network
    }


def _without_changes(
    before: ObjectFacts, after: ObjectFacts, was: bool, causes: tuple[_Cause, ...]
) -> LearnedFinding:
    """A call may have loaded or learned the very same state again."""
    rewritten = any(
        s.version is not None and s.version != before.learned[n].version
        for n, s in after.learned.items()
        if n in before.learned
    )
    if not was and any(c.effect is Effect.RESTORES for c in causes):
        return LearnedFinding(Learned.NONE)  # tried out, and its random weights put back
    for effect, learned in (
        (Effect.RESTORES, Learned.CARRIED),
        (Effect.CONTINUES, Learned.CONTINUED if was else Learned.FITTED),
    ):
        known = [c for c in causes if c.effect is effect and (c.seen or rewritten or (c.sure and c.whole))]
        counts = rewritten or not rules_for(after).counts_writes
        if known and counts and (was or effect is Effect.CONTINUES):
            seen = all(c.seen for c in known)
            evidence = (*(c.evidence for c in known), Circumstance.EQUAL_CONTENT)
            return LearnedFinding(learned, "observed" if seen else "inferred", evidence)
    return LearnedFinding(Learned.SAME if was else Learned.NONE)


def _without_a_cause(
    before: ObjectFacts,
    after: ObjectFacts,
    changes: AttributeChanges,
    on: Learned,
    evidence: tuple[Evidence, ...],
    context: JudgingContext,
) -> LearnedFinding:
    """Weights differ, and nothing was called that is known to change them."""
    if on is Learned.FITTED and not changes.lost and _only_new(before, changes):
        return LearnedFinding(Learned.NONE)  # it was built: its weights were made just then
    code = context.observation.code
    mine = {after.token, *(p.token for p in after.parts)}
    written = tuple(dict.fromkeys(a for t, a in code.assigned if t in mine and a))
    of_another = bool(written) and any(
        registry().is_step(m.method) for m in code.methods
    )  # the gradients belong to an optimizer's step
    if "gradient step" in code.tensor_writes or (code.gradients and not of_another):
        return LearnedFinding(on, "inferred", (*evidence, Circumstance.GRADIENT_STEP_IN_CODE))
    if written:
        return LearnedFinding(Learned.EDITED, "inferred", (*evidence, AttributesSetInCode(written)))
    parts = [
        m
        for m in code.methods
        if m.token in mine and rules_for(after).effect(after, m.method) is Effect.CLEARS
    ]
    if parts:
        return LearnedFinding(Learned.EDITED, "inferred", (*evidence, *calls_in_code(parts)))
    if "value" in code.tensor_writes or (code.complete and not code.company):
        return LearnedFinding(Learned.EDITED, "inferred", (*evidence, Circumstance.NO_LEARNING_CALL_IN_CODE))
    return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.NO_LEARNING_CALL_SEEN))


def _causes(facts: ObjectFacts, context: JudgingContext) -> tuple[_Cause, ...]:
    """The causes that were seen or, if none was, those in the code."""
    return tuple(_seen_causes(facts, context)) or tuple(_causes_in_code(facts, context))


def _seen_causes(facts: ObjectFacts, context: JudgingContext) -> Iterator[_Cause]:
    for call in context.observation.calls:
        effect = _effect_of(call.method, call.token, call.given, facts, context)
        if effect is not Effect.NONE and call.returned:
            yield _Cause(effect, call_seen(call), seen=True, sure=True)


def _causes_in_code(facts: ObjectFacts, context: JudgingContext) -> Iterator[_Cause]:
    run = context.observation.run
    ended = run is not None and run.status == "ok"
    for method in context.observation.code.methods:
        if method.token is not None:
            effect = _effect_of(method.method, method.token, method.given, facts, context)
        elif _may_be_called_on(method, facts, context):
            effect = rules_for(facts).effect(facts, method.method, method.given)
        else:
            continue
        if effect in (Effect.CONTINUES, Effect.RESTORES, Effect.CLEARS):
            yield _Cause(
                effect,
                calls_in_code([method])[0],
                seen=False,
                sure=method.sure and ended,
                whole=method.token is not None,
            )


def _effect_of(
    method: str, token: int, arguments: tuple[str, ...], facts: ObjectFacts, context: JudgingContext
) -> Effect:
    """What a call on ``token`` does to this network: on itself, on what holds it, on an optimizer."""
    if token == facts.token or token in context.wholes_of(facts.token):
        effect = rules_for(facts).effect(facts, method, arguments)
    elif token in context.workers_on(facts.token):
        effect = rules_for(context.after[token]).effect_on_partner(method)
    else:
        in_parts = any(p.token == token for p in facts.parts)
        effect = rules_for(facts).effect(facts, method, arguments) if in_parts else Effect.NONE
        if effect is Effect.CLEARS:
            return Effect.NONE  # initialising one layer again is an edit of the whole
    return effect if effect in (Effect.CONTINUES, Effect.RESTORES, Effect.CLEARS) else Effect.NONE


def _may_be_called_on(method: MethodInCode, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a method whose receiver is not known may have been called on this network or its optimizer."""
    if method.cls is None or registry().is_step(method.method):
        return True
    return facts.token not in context.before and method.cls == facts.cls


def _restores_best_checkpoint(
    causes: tuple[_Cause, ...], facts: ObjectFacts, context: JudgingContext
) -> bool:
    """Whether a state is loaded after training, and it stems from this very training: from memory, or from a
    file that this run wrote.  What came before the training may have started it from scratch."""
    effects = tuple(dict.fromkeys(c.effect for c in causes))
    if effects != (Effect.CONTINUES, Effect.RESTORES):
        return False
    written = {f.path for f in context.files("save") if f.token == facts.token}
    read = {f.path for f in context.files("load") if f.token in (facts.token, None)}
    return read <= written


def _affects_most_weights(causes: tuple[_Cause, ...], facts: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether the whole network, or more than half of it, got other weights: initialising one layer again is an
    edit of the whole."""
    if any(c.whole for c in causes if c.effect in (Effect.RESTORES, Effect.CLEARS)):
        return True
    differ = {*changes.written, *changes.bound}
    statistics = rules_for(facts).names_of(AttributeKind.STATISTICS)
    weights = [n for n in facts.learned if n.rpartition(".")[2] not in statistics]
    return 2 * sum(n in differ for n in weights) > len(weights)


def _only_new(before: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether everything that differs is new: weights that did not exist yet, or had no shape."""
    old = before.learned
    return all(n not in old or old[n].lacks_values for n in (*changes.bound, *changes.written))


def _only_statistics(facts: ObjectFacts, changes: AttributeChanges) -> bool:
    names = (*changes.written, *changes.bound)
    return not changes.lost and all(map(rules_for(facts).is_statistic, names))


def _is_converted(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext
) -> bool:
    """Whether weights only changed their element type or device, perhaps there and back: parameters keep their
    tensors, buffers get new ones."""
    if changes.only_renewed and _only_statistics(after, changes):
        return True
    mine = {after.token, *context.wholes_of(after.token)}
    asked = any(
        rules_for(after).converts(m.method) and m.token in (None, *mine)
        for m in context.observation.code.methods
    )
    changed = (*changes.written, *changes.bound)
    return (
        asked
        and not changes.lost
        and all(n in before.learned and before.learned[n].text != after.learned[n].text for n in changed)
    )


def _stands_on_known_parts(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a new network stands around networks that had learned before, and all its weights are theirs."""
    parts = [context.before.get(p.token) for p in facts.parts]
    if not parts or any(p is None or not had_learned(p, context) for p in parts):
        return False
    return sum(len(p.learned) for p in parts if p is not None) == len(facts.learned)
