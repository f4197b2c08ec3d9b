"""What happened to the learned state of an object that is still the same object.

Of some objects the state does not show whether they have learned anything: a network has weights from its first moment
on, and random ones are nothing learned; a class of the user's own sets what it likes when it is made.  The history of
these decides: ``JudgingContext.trained`` keeps it.
"""

from __future__ import annotations

from msgspec.structs import replace

from kernelscope.domain.changes import Certainty, Learned
from kernelscope.domain.evidence import (
    AttributesNotRead,
    AttributesSetInCode,
    Circumstance,
    LayersReplaced,
    PartEvidence,
    SeenAtAttach,
)
from kernelscope.domain.facts import ObjectFacts, Part
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.causes import (
    Cause,
    causes_in_code,
    causes_of,
    causes_through_shared_values,
    raised_calls,
)
from kernelscope.verdicts.context import DEPTH, JudgingContext, working_parts
from kernelscope.verdicts.decision import Difference, Outcome, Ruling, basis_of, decide
from kernelscope.verdicts.differences import difference_of
from kernelscope.verdicts.fitted import (
    can_have_learned,
    had_learned,
    has_lost_everything,
    may_have_learned_before,
)
from kernelscope.verdicts.learned_finding import (
    AttributeChanges,
    LearnedFinding,
    attribute_changes,
    call_seen,
    restored_state,
)
from kernelscope.verdicts.networks import new_network
from kernelscope.verdicts.params import layers_of_changes
from kernelscope.verdicts.reasons import Reasons, reasons_of

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
_DEPEND_ON_HISTORY = (Learned.FITTED, Learned.CONTINUED, Learned.REFITTED, Learned.CLEARED)
"""Findings that say whether it had learned before."""


def same_object(
    before: ObjectFacts, after: ObjectFacts, context: JudgingContext, depth: int = DEPTH
) -> LearnedFinding:
    """What happened to the learned state of an object that is still the same object.

    Whether one that was there at the attach had learned before was not observed, if its state does not show it: what
    there is decides, and the evidence says so.

    Args:
        depth: how many levels of parts are followed; a composite may hold itself.
    """
    finding = _what_happened(before, after, context, depth)
    is_known = rules_for(after).shows_learning(after) or context.trained.get(before.token) is not None
    if is_known or finding.learned not in _DEPEND_ON_HISTORY:
        return finding
    had = had_learned(before, context)
    certainty: Certainty = "unknown" if finding.certainty == "unknown" else "inferred"
    is_old = before.token not in context.trained
    why = SeenAtAttach(had) if is_old else Circumstance.CHANGED_UNSEEN
    return replace(finding, certainty=certainty, evidence=(*finding.evidence, why))


def _what_happened(
    before: ObjectFacts, after: ObjectFacts, context: JudgingContext, depth: int
) -> LearnedFinding:
    rules = rules_for(after)
    was = may_have_learned_before(before, context)
    now = can_have_learned(after, context)
    changes, causes = attribute_changes(before, after), causes_of(after, context)
    if changes and not causes and rules.is_network:
        causes = causes_through_shared_values(before, after, changes, context)
    follows_parts = depth > 0 and not rules.is_network  # the weights of its parts are a network's own
    parts = _through_parts(before, after, context, depth) if follows_parts else LearnedFinding(Learned.SAME)
    if was and has_lost_everything(before, after, context):
        evidence = changes.evidence() or parts.evidence or (Circumstance.PART_REPLACED,)
        return LearnedFinding(Learned.CLEARED, "observed", evidence)
    is_seen = basis_of(causes) == "seen"
    through = _learned_through_parts(
        before, after, causes if is_seen else (), parts, was, now, context, depth
    )
    if through.happened:
        return through
    if changes and not is_seen and after.token in context.missed_since:
        # What this run's code says is no evidence: the run may be another one.
        return LearnedFinding(Learned.UNKNOWN if was or now else Learned.NONE, "unknown", changes.evidence())
    raised = raised_calls(after, context)
    if parts.happened and raised and not is_seen and rules.fits_parts_in_place(after):
        calls = tuple(call_seen(c, came_back=False) for c in raised)
        return LearnedFinding(Learned.UNKNOWN, "observed", (*calls, *parts.evidence), failed=True)
    if was and not causes and _has_other_untrained_network(before, after, context):
        return LearnedFinding(Learned.CLEARED, "inferred", changes.evidence())
    if parts.happened and not changes and not is_seen:
        return _as_the_whole_sees_it(parts, was, now)
    return _by_the_table(before, after, changes, causes, context, has_changed_parts=parts.happened)


def _has_other_untrained_network(before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> bool:
    """Whether the network that it wraps is another one than before, which has learned nothing."""
    label = rules_for(after).network_part
    old, new = (next((p.token for p in f.parts if p.label == label), None) for f in (before, after))
    if not label or old is None or new is None or old == new or new in context.before:
        return False
    return new_network(context.after[new], context).learned is Learned.NONE


# By the table.


def _by_the_table(
    before: ObjectFacts,
    after: ObjectFacts,
    changes: AttributeChanges,
    causes: tuple[Cause, ...],
    context: JudgingContext,
    *,
    has_changed_parts: bool,
) -> LearnedFinding:
    was = may_have_learned_before(before, context)
    now = can_have_learned(after, context)
    difference = difference_of(
        before, after, changes, context, was=was, now=now, has_changed_parts=has_changed_parts
    )
    reasons = reasons_of(before, after, changes, causes, difference, context)
    row = decide(difference, reasons.outcome, reasons.basis)
    evidence = (*reasons.evidence, *changes.evidence(), *reasons.details)
    if difference in _SAY_IT_ALL:
        evidence = changes.evidence()
    if difference is Difference.NOT_READ and row.ruling is Ruling.UNKNOWN:
        evidence = (*evidence, AttributesNotRead(after.not_evaluated))
    if row.ruling in (Ruling.EDITED, Ruling.UNKNOWN) and (
        layers := layers_of_changes(before, after, changes, context)
    ):
        evidence = (LayersReplaced(layers), *evidence)
    if row.why is not None and not (row.ruling is Ruling.LEARNED and not was):
        evidence = (*evidence, row.why)
    learned = row.ruling.learned(was=was, now=now)
    certainty = _certainty(row.ruling, learned, difference, reasons, after, context)
    if learned is Learned.CARRIED:
        return restored_state(after, context, certainty, evidence)
    if row.ruling is Ruling.FAILED:
        return LearnedFinding(learned, certainty, evidence, failed=True)
    if written := _written_beside_calls(after, changes, reasons, context):
        evidence = (*evidence, AttributesSetInCode(written))
        learned = Learned.EDITED if learned in (Learned.FITTED, Learned.CONTINUED) else learned
    if learned is Learned.SAME or (learned is Learned.NONE and reasons.basis != "seen"):
        return LearnedFinding(learned)
    return LearnedFinding(learned, certainty, evidence)


def _written_beside_calls(
    after: ObjectFacts, changes: AttributeChanges, reasons: Reasons, context: JudgingContext
) -> tuple[str, ...]:
    """Attributes of an estimator that the code writes to, beside a call that learns: both have changed it."""
    if rules_for(after).is_network or reasons.outcome not in (Outcome.FROM_SCRATCH, Outcome.ONWARD):
        return ()
    written = (a for t, a in context.observation.code.assigned if t == after.token)
    return tuple(dict.fromkeys(a for a in written if a in changes.names))


_SAY_IT_ALL = (Difference.STATISTICS, Difference.VALIDATED)
"""What differs tells what happened, whatever was called."""


def _certainty(
    ruling: Ruling,
    learned: Learned,
    difference: Difference,
    reasons: Reasons,
    after: ObjectFacts,
    context: JudgingContext,
) -> Certainty:
    if ruling is Ruling.FAILED:
        return "observed"
    if learned is Learned.UNKNOWN:
        return "unknown"
    if reasons.basis == "seen" and difference is not Difference.STATISTICS:
        return "observed"
    # All calls on an estimator are seen, so that what the code writes and no call did was done by hand.
    is_seen = context.sees_calls and not rules_for(after).is_network
    return "observed" if is_seen and reasons.outcome is Outcome.ASSIGNED else "inferred"


# Through parts.


def _learned_through_parts(
    before: ObjectFacts,
    after: ObjectFacts,
    seen: tuple[Cause, ...],
    parts: LearnedFinding,
    was: bool,
    now: bool,
    context: JudgingContext,
    depth: int,
) -> LearnedFinding:
    """What a call on the whole did, if it works by changing the parts in place."""
    keeps_nothing = not after.learned and not before.learned and not rules_for(after).shows_learning(after)
    if keeps_nothing or (not was and not now):
        return _wrapper(before, after, seen, context, depth)
    if not (seen and was and parts.happened and rules_for(after).fits_parts_in_place(after)):
        return LearnedFinding(Learned.SAME)
    # What became of a pipeline is what became of its steps: one of them may have warm_start.
    calls = tuple(c.evidence for c in seen)
    return replace(_as_the_whole_sees_it(parts, was, now), evidence=(*calls, *parts.evidence))


def _wrapper(
    before: ObjectFacts, after: ObjectFacts, seen: tuple[Cause, ...], context: JudgingContext, depth: int
) -> LearnedFinding:
    """What a call on the whole did to the parts in place, if the whole keeps nothing of its own: a class of the
    user's around one model."""
    here = bool(seen) or any(c.direct for c in causes_in_code(after, context))
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
