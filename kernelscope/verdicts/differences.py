"""How the learned state of one object differs between two looks: which kinds of attributes, and in which way."""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts, reads_the_same
from kernelscope.libraries.registry import Effect, rules_for
from kernelscope.verdicts.causes import CHANGING_EFFECTS, causes_in_code, causes_of, raised_calls
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.decision import Difference
from kernelscope.verdicts.learned_finding import AttributeChanges
from kernelscope.verdicts.params import layers_of_changes


def difference_of(
    before: ObjectFacts,
    after: ObjectFacts,
    changes: AttributeChanges,
    context: JudgingContext,
    *,
    was: bool,
    now: bool,
    has_changed_parts: bool,
) -> Difference:
    """What the changes of its attributes amount to.

    Args:
        was: it had learned something before.
        now: it has learned something after.
        has_changed_parts: something happened to a part that it works with, so that it differs in what it has learned.
    """
    if not changes:
        if any(c.part for c in causes_of(after, context)):
            return Difference.FOLDED
        return _without_changes(after, context, was=was)
    if rules_for(after).is_network:
        return _difference_of_network(before, after, changes, context, was=was)
    if not has_changed_parts:
        if was and _may_be_refused(after, changes, context):
            is_equal = not changes.lost and all(_is_equal(before, after, name) for name in changes.names)
            return Difference.RENEWED if is_equal else Difference.VALIDATED
        if _is_bookkeeping(after, changes, context):
            return Difference.RENEWED
    if not was and not now and (raised_calls(after, context) or not context.sees_calls):
        return Difference.IDLE
    return Difference.LEARNED


def only_statistics(facts: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether nothing differs but what a forward pass in training mode updates."""
    names = (*changes.written, *changes.bound)
    return bool(names) and not changes.lost and all(map(rules_for(facts).is_statistic, names))


def _without_changes(after: ObjectFacts, context: JudgingContext, *, was: bool) -> Difference:
    if rules_for(after).is_network:
        return Difference.NONE
    if rules_for(after).is_unread(after):
        return Difference.UNREADABLE
    left_out = was and not context.sees_calls and after.not_evaluated
    return Difference.NOT_READ if left_out else Difference.NONE


def _difference_of_network(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext, *, was: bool
) -> Difference:
    if _is_converted(before, after, changes, context):
        return Difference.CONVERTED
    if rules_for(after).has_immutable_values and changes.only_renewed:
        return Difference.RENEWED
    if only_statistics(after, changes):
        return Difference.STATISTICS
    is_built = not was and not changes.lost and _only_new(before, changes)
    if layers_of_changes(before, after, changes, context):
        is_built = not was or not (changes.lost or changes.written or _were_there(before, changes))
    return Difference.BUILT if is_built else Difference.LEARNED


def _were_there(before: ObjectFacts, changes: AttributeChanges) -> bool:
    return any(name in before.learned for name in changes.bound)


def _only_new(before: ObjectFacts, changes: AttributeChanges) -> bool:
    """Whether everything that differs is new: weights that did not exist yet, or had no shape."""
    old = before.learned
    return all(n not in old or old[n].lacks_values for n in (*changes.bound, *changes.written))


def _is_converted(
    before: ObjectFacts, after: ObjectFacts, changes: AttributeChanges, context: JudgingContext
) -> bool:
    """Whether weights only changed their element type or device, perhaps there and back: parameters keep their
    tensors, buffers get new ones."""
    if changes.only_renewed and only_statistics(after, changes):
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


def _is_bookkeeping(after: ObjectFacts, changes: AttributeChanges, context: JudgingContext) -> bool:
    """Whether attributes were only replaced by equal content, and neither a learning call nor a statement of
    the cell did it: using a model can do that (``StackingClassifier.transform`` sets ``_n_feature_outs``), and
    so can a fit that was refused or interrupted before it learned (``KMeans.fit`` sets ``_tol``)."""
    if not changes.only_renewed or any(t == after.token for t, _ in context.observation.code.assigned):
        return False
    run = context.observation.run
    possible = causes_in_code(after, context)
    if not possible or (context.sees_calls and not any(c.sure for c in possible)):
        return True
    private = all(name.startswith("_") for name in changes.bound)
    return private and run is not None and run.status != "ok"


def _may_be_refused(after: ObjectFacts, changes: AttributeChanges, context: JudgingContext) -> bool:
    """Whether a ``fit`` that changed only what it validates can have been refused: it raised, or the code may
    have caught its error, and the core of what was learned is unchanged."""
    rules = rules_for(after)
    if not rules.is_validation_only(after, changes.names):
        return False
    if context.sees_calls:
        return bool(raised_calls(after, context))
    run = context.observation.run
    if run is not None and run.status != "ok":
        return True
    by_hand = any(token == after.token for token, _ in context.observation.code.assigned)
    causes = causes_in_code(after, context)
    sure = any(c.sure and c.direct and c.effect in CHANGING_EFFECTS for c in causes)
    can_be_fit = any(c.effect in (Effect.REFITS, Effect.CONTINUES) for c in causes)
    return can_be_fit and not sure and not by_hand and rules.is_core_unchanged(after, changes.names)


def _is_equal(before: ObjectFacts, after: ObjectFacts, name: str) -> bool:
    old = before.learned.get(name)
    return old is not None and reads_the_same(old, after.learned[name])
