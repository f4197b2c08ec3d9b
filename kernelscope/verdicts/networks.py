"""New networks, and whether a network has learned anything, which its state does not show by itself."""

from __future__ import annotations

from msgspec.structs import replace

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.evidence import Circumstance
from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.registry import Effect, rules_for
from kernelscope.verdicts.causes import Cause, causes_of, restores_best_checkpoint
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import may_have_learned_before
from kernelscope.verdicts.learned_finding import LearnedFinding, restored_state, twin_of


def new_network(after: ObjectFacts, context: JudgingContext) -> LearnedFinding:
    """Where the learned state of a new network comes from, if it has any."""
    if any(c.via == "process" for c in context.calls_on(after.token)):
        return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.FROM_ANOTHER_PROCESS,))
    causes = causes_of(after, context)
    own_best = restores_best_checkpoint(causes, after, context)
    effects = {Effect.CONTINUES} if own_best else {c.effect for c in causes}
    evidence = tuple(dict.fromkeys(c.evidence for c in causes))
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    twin = twin_of(after, context)
    loaded = not own_best and any(f.token == after.token for f in context.files("load"))
    if Effect.RESTORES in effects or loaded:
        return _put_in(after, causes, twin, loaded, context)
    if Effect.CONTINUES in effects:
        return LearnedFinding(Learned.FITTED, certainty, evidence)
    if _stands_on_known_parts(after, context):
        return LearnedFinding(Learned.CARRIED, "observed", (Circumstance.PARTS_KEEP_STATE,), in_memory=True)
    if twin is not None and may_have_learned_before(twin, context):
        return LearnedFinding(Learned.CARRIED, "inferred", (Circumstance.EQUALS_KNOWN_NETWORK,), copied=True)
    if any(_is_copy_of_a_trained_one(p.token, context) for p in after.parts):
        return LearnedFinding(Learned.CARRIED, "inferred", (Circumstance.CONTAINS_TRAINED_COPY,), copied=True)
    if not context.observation.code.complete and rules_for(after).was_written(after):
        return LearnedFinding(Learned.FITTED, "inferred", (Circumstance.WRITTEN_OFTEN,))
    return LearnedFinding(Learned.NONE)


def _put_in(
    after: ObjectFacts,
    causes: tuple[Cause, ...],
    twin: ObjectFacts | None,
    loaded: bool,
    context: JudgingContext,
) -> LearnedFinding:
    """A state was put into a new network, or may have been.

    Args:
        twin: a known network with the same weights.
        loaded: the code names the network beside a file.
    """
    effects = {c.effect for c in causes}
    evidence = tuple(dict.fromkeys(c.evidence for c in causes))
    certainty: Certainty = "observed" if causes and all(c.seen for c in causes) else "inferred"
    if twin is None and effects == {Effect.RESTORES} and _is_copied_in_memory(after, context):
        # All states that were known are others: it is a copy of what was made in this run, trained or not.
        return LearnedFinding(Learned.UNKNOWN, "unknown", (Circumstance.COPIED_IN_MEMORY,))
    doubtful = not loaded and not any(c.sure for c in causes if c.effect is Effect.RESTORES)
    finding = restored_state(after, context, certainty, evidence)
    if finding.source is None and twin is not None and not may_have_learned_before(twin, context):
        return LearnedFinding(Learned.NONE, certainty, (Circumstance.EQUALS_UNTRAINED_NETWORK,))
    if doubtful and Effect.CONTINUES not in effects:
        return LearnedFinding(Learned.UNKNOWN, "unknown", (*evidence, Circumstance.MAY_BE_SKIPPED))
    return replace(finding, learned=Learned.CONTINUED) if Effect.CONTINUES in effects else finding


def _is_copied_in_memory(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a network that can be read in full was seen being copied."""
    is_read = all(s.digest is not None for s in facts.learned.values()) and not facts.not_evaluated
    return is_read and any(c.via == "copy" for c in context.calls_on(facts.token))


def _is_copy_of_a_trained_one(part: int, context: JudgingContext) -> bool:
    """Whether a new part equals a network that had learned (an average of weights begins with such a copy)."""
    facts = context.after.get(part) if part not in context.before else None
    twin = twin_of(facts, context) if facts is not None else None
    return twin is not None and may_have_learned_before(twin, context)


def _stands_on_known_parts(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a new network stands around networks that had learned before, and all its weights are theirs."""
    parts = [context.before.get(p.token) for p in facts.parts]
    if not parts or any(p is None or not may_have_learned_before(p, context) for p in parts):
        return False
    return sum(len(p.learned) for p in parts if p is not None) == len(facts.learned)
