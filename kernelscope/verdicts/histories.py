"""What is remembered of models whose state does not show whether they have learned anything."""

from __future__ import annotations

from kernelscope.domain.changes import Learned
from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import had_learned, has_learned
from kernelscope.verdicts.learned import same_object
from kernelscope.verdicts.new_object import new_object


def has_learned_after(facts: ObjectFacts, context: JudgingContext) -> bool | None:
    """Whether a model has learned anything after the run; ``None``: that is not known."""
    if rules_for(facts).shows_learning(facts):
        return has_learned(facts, context.after, {})
    before = context.before.get(facts.token)
    if before is None:
        finding = new_object(facts, context)
        if finding.learned is Learned.UNKNOWN:
            return None
        return finding.learned is not Learned.NONE
    if not context.may_differ(facts):
        return had_learned(before, context)
    learned, had = same_object(before, facts, context).learned, had_learned(before, context)
    if learned in (Learned.SAME, Learned.EDITED):
        return True if learned is Learned.EDITED and _shows_a_fit(facts, context) else had
    if learned is Learned.UNKNOWN:
        return had or None
    return learned not in (Learned.CLEARED, Learned.NONE)


def _shows_a_fit(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether an estimator has what a fit would have set."""
    rules = rules_for(facts)
    return not rules.is_network and rules.is_fitted(facts, context.after)


def histories_after(context: JudgingContext) -> dict[int, bool | None]:
    """Whether each model that the observation touched has learned anything, by token, of those whose state does not
    show it."""
    touched = (context.after.get(token) for token in context.touched)
    return {
        f.token: has_learned_after(f, context)
        for f in touched
        if f is not None and not rules_for(f).shows_learning(f)
    }
