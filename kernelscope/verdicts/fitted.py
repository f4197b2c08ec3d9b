"""Whether a model has learned anything: every question about it ends here.

The state of most models shows it.  A network has weights from its first moment on, and an object of the user's own class
whatever its constructor sets: what became of these is remembered from run to run.  Of one that was there at the attach,
or that changed in a way that was not seen, it may not be known.
"""

from __future__ import annotations

from collections.abc import Mapping

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.context import JudgingContext


def has_learned(
    facts: ObjectFacts, objects: Mapping[int, ObjectFacts], remembered: Mapping[int, bool | None]
) -> bool | None:
    """Whether a model has learned anything that it can be used with; ``None``: that is not known.

    Args:
        facts: of the model.
        objects: every object at that moment, by token: a composite is asked for its parts.
        remembered: of models whose state does not show it, by token: what was known after the last run that touched
            them.
    """
    if facts.token in remembered:
        return remembered[facts.token]
    return rules_for(facts).shows_as_learned(facts, objects)


def had_learned(facts: ObjectFacts, context: JudgingContext) -> bool | None:
    """Whether a model had learned anything before the run that is judged; ``None``: that is not known."""
    return has_learned(facts, context.before, context.trained)


def may_have_learned_before(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a model had learned something before the run that is judged, or can have."""
    return had_learned(facts, context) is not False


def can_have_learned(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a model can have learned something, by what it shows after the run."""
    rules = rules_for(facts)
    return not rules.shows_learning(facts) or rules.is_fitted(facts, context.after)


def has_lost_everything(before: ObjectFacts, after: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a model showed before the run that it had learned something, and does not after it."""
    rules = rules_for(after)
    if rules.is_network:
        return False
    return rules.is_fitted(before, context.before) and not rules.is_fitted(after, context.after)
