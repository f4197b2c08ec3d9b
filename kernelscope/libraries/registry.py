"""Rule cards: what a library's calls do to what an object has learned.

A card states facts about a library, each with its source; it judges nothing.  ``card_for`` picks the
card by the classes that an object inherits from.
"""

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import GENERIC, Effect, RuleCard
from kernelscope.libraries.boosters import CatBoostCard, LightGBMCard, StatsModelsCard, XGBoostCard
from kernelscope.libraries.networks import KerasCard, SkorchCard, TorchCard, TorchOptimizerCard
from kernelscope.libraries.sklearn import SklearnCard

__all__ = ["Effect", "RuleCard", "card_for"]

_ALL: tuple[RuleCard, ...] = (
    SklearnCard(),
    TorchCard(),
    TorchOptimizerCard(),
    KerasCard(),
    SkorchCard(),
    XGBoostCard(),
    LightGBMCard(),
    CatBoostCard(),
    StatsModelsCard(),
)
_CARDS: dict[str, RuleCard] = {card.library: card for card in _ALL}


def card_for(facts: ObjectFacts) -> RuleCard:
    """The card of the library that ``facts.library`` names; the generic one where none does."""
    return _CARDS.get(facts.library, GENERIC)
