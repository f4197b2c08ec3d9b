"""Whether a model has learned anything: every question about it ends here.

The state of most models shows it.  A network has weights from its first moment on, so what became of a
network is remembered from run to run; one that was there at the attach is taken for what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.registry import rules_for
from kernelscope.verdicts.context import JudgingContext


def has_learned(
    facts: ObjectFacts, objects: Mapping[int, ObjectFacts], remembered: Mapping[int, bool]
) -> bool:
    """Whether a model has learned anything that it can be used with.

    Args:
        facts: of the model.
        objects: every object at that moment, by token: a composite is asked for its parts.
        remembered: of networks, by token: what was known after the last run that touched them.
    """
    known = remembered.get(facts.token)
    return rules_for(facts).is_fitted(facts, objects) if known is None else known


def had_learned(facts: ObjectFacts, context: JudgingContext) -> bool:
    """Whether a model had learned anything before the run that is judged."""
    return has_learned(facts, context.before, context.trained)
