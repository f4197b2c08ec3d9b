"""What is remembered of models whose state does not show whether they have learned anything."""

from __future__ import annotations

from kernelscope.domain.changes import Learned
from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.causes import raised_calls, running_causes
from kernelscope.verdicts.context import JudgingContext
from kernelscope.verdicts.fitted import had_learned, has_learned
from kernelscope.verdicts.learned import same_object
from kernelscope.verdicts.new_object import new_object


def has_learned_after(facts: ObjectFacts, context: JudgingContext) -> bool | None:
    """Whether a model has learned anything after the run; ``None``: that is not known."""
    before = context.before.get(facts.token)
    if rules_for(facts).shows_learning(facts):
        return not _is_unfinished(before, facts, context) and has_learned(facts, context.after, {})
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
        return had if running_causes(facts, context) else had or None
    return learned not in (Learned.CLEARED, Learned.NONE)


def _is_unfinished(before: ObjectFacts | None, facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a first fit raised, or is still at work, and has set something that looks like a learned state."""
    if before is None or had_learned(before, context) is not False:
        return False
    if running_causes(facts, context):
        return True
    if context.trained.get(facts.token) is False and not same_object(before, facts, context).happened:
        return True
    return bool(raised_calls(facts, context)) and same_object(before, facts, context).failed


def _shows_a_fit(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether an estimator has what a fit would have set."""
    rules = rules_for(facts)
    return not rules.is_network and rules.is_fitted(facts, context.after)


def histories_after(context: JudgingContext) -> dict[int, bool | None]:
    """Whether each model that the observation touched has learned anything, by token, of those whose state does not
    show it: networks, own classes, and what a first fit has left unfinished."""
    touched = [f for token in context.touched if (f := context.after.get(token)) is not None]
    histories = {f.token: has_learned_after(f, context) for f in touched if _needs_history(f, context)}
    return {t: h for t, h in histories.items() if h is False or _has_history(context.after[t], context)}


def _needs_history(facts: ObjectFacts, context: JudgingContext) -> bool:
    is_unfinished = raised_calls(facts, context) or running_causes(facts, context)
    return _has_history(facts, context) or bool(is_unfinished)


def _has_history(facts: ObjectFacts, context: JudgingContext) -> bool:
    return not rules_for(facts).shows_learning(facts) or facts.token in context.trained
