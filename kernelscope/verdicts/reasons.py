"""What can have changed the learned state of an object, as the decision table asks for it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.domain.evidence import AttributesSetInCode, Circumstance, CounterFell, Evidence
from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import AttributeKind
from kernelscope.libraries.registry import Effect, registry, rules_for
from kernelscope.verdicts.causes import (
    Cause,
    raised_calls,
    restores_best_checkpoint,
    running_causes,
)
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.decision import Basis, Difference, Outcome, basis_of, outcome_of
from kernelscope.verdicts.learned_finding import AttributeChanges, call_seen, calls_in_code


class Reasons(Struct, frozen=True):
    """What can have changed the state, as the table asks for it."""

    outcome: Outcome
    basis: Basis
    evidence: tuple[Evidence, ...] = ()
    """Of the causes, before what differs."""
    details: tuple[Evidence, ...] = ()
    """Of the outcome, after it."""


def reasons_of(
    before: ObjectFacts,
    after: ObjectFacts,
    changes: AttributeChanges,
    causes: tuple[Cause, ...],
    difference: Difference,
    context: JudgingContext,
) -> Reasons:
    """What the calls that were seen or stand in the code amount to; without any, what else the code does."""
    if not changes:
        causes = _that_count_without_changes(before, after, causes, difference, context)
    raised = raised_calls(after, context)
    if raised and basis_of(causes) != "seen":
        return Reasons(Outcome.RAISED, "seen", tuple(call_seen(c, came_back=False) for c in raised))
    running = running_causes(after, context)
    if running and changes and basis_of(causes) != "seen":
        goes_on = all(c.effect is Effect.CONTINUES for c in running)
        outcome = Outcome.ONWARD if goes_on else Outcome.RUNNING
        return Reasons(outcome, "seen", tuple(c.evidence for c in running))
    evidence = tuple(dict.fromkeys(c.evidence for c in causes))
    if changes and restores_best_checkpoint(causes, after, context):
        causes = tuple(c for c in causes if c.effect is not Effect.RESTORES)
    if not causes:
        return _reasons_without_calls(before, after, changes, context)
    outcome, basis = outcome_of(causes), basis_of(causes)
    if rules_for(after).is_network and changes:
        is_foreign = outcome in (Outcome.PUT_IN, Outcome.EMPTIED, Outcome.EMPTIED_THEN_ONWARD)
        if is_foreign and not _affects_most_weights(causes, after, changes):
            return Reasons(Outcome.A_LAYER, "possible", evidence)
    if outcome is Outcome.EITHER and (fell := _fallen_counter(before, after)) is not None:
        return Reasons(Outcome.FROM_SCRATCH, basis, evidence, (fell,))
    return Reasons(outcome, basis, evidence)


def _that_count_without_changes(
    before: ObjectFacts,
    after: ObjectFacts,
    causes: tuple[Cause, ...],
    difference: Difference,
    context: JudgingContext,
) -> tuple[Cause, ...]:
    """Calls that must have been made, although nothing differs: they learned or loaded the very same state again."""
    rules = rules_for(after)
    if not rules.is_network:
        if context.sees_calls:
            return tuple(c for c in causes if c.seen)
        reads_code_only = difference in (Difference.UNREADABLE, Difference.NOT_READ)
        return tuple(c for c in causes if c.direct and (c.sure or reads_code_only))
    rewritten = any(
        s.version is not None and s.version != before.learned[n].version
        for n, s in after.learned.items()
        if n in before.learned
    )
    if rules.counts_writes and not rewritten:
        return ()
    if rewritten:
        return tuple(replace(c, sure=True, direct=True) for c in causes)
    return tuple(c for c in causes if c.seen or (c.sure and c.direct))


def _reasons_without_calls(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext
) -> Reasons:
    """Nothing was called that is known to change the state."""
    code, is_network = context.observation.code, rules_for(after).is_network
    mine = {after.token, *(p.token for p in after.parts)} if is_network else {after.token}
    written = tuple(dict.fromkeys(a for t, a in code.assigned if t in mine and (a or not is_network)))
    if is_network and _steps_by_gradient(written, context):
        return Reasons(Outcome.GRADIENT_STEP, "possible")
    if written:
        return Reasons(Outcome.ASSIGNED, "possible", details=(AttributesSetInCode(written),))
    parts = [
        m
        for m in code.methods
        if is_network and m.token in mine and rules_for(after).effect(after, m.method) is Effect.CLEARS
    ]
    if parts:
        return Reasons(Outcome.ASSIGNED, "possible", details=calls_in_code(parts))
    is_followed = code.complete and not code.company
    if "value" in code.tensor_writes and (is_network or (is_followed and changes.is_only_written)):
        return Reasons(Outcome.WRITTEN, "possible")
    if not is_followed and is_network and _is_written_often(before, after):
        return Reasons(Outcome.ONWARD, "possible", details=(Circumstance.WRITTEN_OFTEN,))
    return Reasons(Outcome.NO_CALL if is_followed else Outcome.UNSEEN, "possible")


def _is_written_often(before: ObjectFacts, after: ObjectFacts) -> bool:
    """Whether most weights were written more than once in this run, as training does and loading does not."""
    counts = [
        signature.version - earlier.version
        for name, signature in after.learned.items()
        if (earlier := before.learned.get(name)) is not None
        and signature.version is not None
        and earlier.version is not None
        and earlier.serial == signature.serial
    ]
    return bool(counts) and 2 * sum(count > 1 for count in counts) > len(counts)


def _steps_by_gradient(written: tuple[str, ...], context: JudgingContext) -> bool:
    """Whether the code itself changes weights by their gradients; those of an optimizer's step belong to the step."""
    code = context.observation.code
    of_another = bool(written) and any(registry().is_step(m.method) for m in code.methods)
    return "gradient step" in code.tensor_writes or (code.gradients and not of_another)


def _fallen_counter(before: ObjectFacts, after: ObjectFacts) -> Evidence | None:
    """A counter of updates that shows that learning began from nothing.

    ``t_`` counts weight updates: ``fit`` starts it at 1, ``partial_fit`` adds to it
    (sklearn/linear_model/_stochastic_gradient.py).
    """
    old, new = before.learned.get("t_"), after.learned.get("t_")
    if old and new and old.number is not None and new.number is not None and old.number > new.number:
        return CounterFell("t_", old.text, new.text)
    return None


def _affects_most_weights(causes: tuple[Cause, ...], facts: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether the whole network, or more than half of it, got other weights: initialising one layer again is an
    edit of the whole."""
    if any(c.direct for c in causes if c.effect in (Effect.RESTORES, Effect.CLEARS)):
        return True
    differ = {*changes.written, *changes.bound}
    statistics = rules_for(facts).names_of(AttributeKind.STATISTICS)
    weights = [n for n in facts.learned if n.rpartition(".")[2] not in statistics]
    return 2 * sum(n in differ for n in weights) > len(weights)
