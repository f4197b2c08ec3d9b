"""Prophet: ``fit`` learns once; a second one is refused.

Read in Prophet 1.5.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    AttributeKind,
    Attributes,
    EarlyClasses,
    Functions,
    Names,
    Objects,
)
from kernelscope.libraries.generic.rules import GenericRules

_FORECASTER = "prophet/forecaster.py"
_SERIALIZE = "https://facebook.github.io/prophet/docs/additional_topics.html#saving-models"


class ProphetRules(GenericRules):
    """``prophet.Prophet``."""

    library = "prophet"
    source = f"{_FORECASTER}: Prophet.fit"
    bases = ("prophet.forecaster.Prophet",)
    required_methods = ()
    early_classes = (EarlyClasses("prophet.forecaster", ("Prophet",)),)

    attributes = (
        Attributes(
            kind=AttributeKind.LEARNED,
            names=("params", "history"),
            source=f"{_FORECASTER}: Prophet.fit",
        ),
        Attributes(
            kind=AttributeKind.CONFIGURATION,
            names=("stan_backend", "stan_fit", "fit_kwargs", "_regressor_name", "specified_changepoints"),
            source=f"{_FORECASTER}: Prophet.__init__",
            reported=False,
        ),
    )
    functions = (
        Functions(
            action="dump",
            module="prophet.serialize",
            names=("model_to_json", "model_to_dict"),
            source=_SERIALIZE,
        ),
        Functions(
            action="load bytes",
            module="prophet.serialize",
            names=("model_from_json", "model_from_dict"),
            source=_SERIALIZE,
        ),
    )
    names = (
        Names(
            kind="returns itself",
            names=("add_seasonality", "add_regressor", "add_country_holidays"),
            source=f"{_FORECASTER}: Prophet.add_seasonality",
        ),
    )

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has the history that it was fitted to."""
        return "history" in facts.learned or "history" in facts.not_evaluated


RULES = (ProphetRules(),)
