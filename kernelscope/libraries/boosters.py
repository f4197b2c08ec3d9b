"""XGBoost, LightGBM and CatBoost; and the results of statsmodels.

Read in XGBoost 3.2, LightGBM 4.7, CatBoost 1.2.10 and statsmodels 0.15; older ones were not read.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import GENERIC, Effect, GenericCard, Objects

GOES_ON = frozenset({"xgb_model", "init_model"})
"""Arguments of ``fit`` with which it adds trees to those of a model it is given."""


class _BoosterCard(GenericCard):
    """``fit`` begins anew, each time, but for ``xgb_model`` or ``init_model``; a ``Booster`` goes on with
    each ``update``."""

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """By the method's name and the arguments that decide."""
        if method in ("update", "boost"):
            return Effect.CONTINUES
        if method == "train":
            return Effect.CONTINUES if GOES_ON.intersection(given) else Effect.REFITS
        if method in ("load_model", "load", "model_from_string"):
            return Effect.RESTORES
        effect = GENERIC.effect(facts, method, given)
        return Effect.CONTINUES if effect is Effect.REFITS and GOES_ON.intersection(given) else effect

    born_fitted = True

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it holds a ``Booster``, or is one."""
        booster = facts.learned.get("_Booster")
        return facts.cls.endswith(".Booster") or (booster is not None and booster.text != "None")


class XGBoostCard(_BoosterCard):
    """python-package/xgboost/sklearn.py ``fit`` and ``training.py`` ``train``: a new ``Booster`` each time,
    which begins with the trees of ``xgb_model`` where that is given."""

    library = "xgboost"
    source = "https://xgboost.readthedocs.io/en/stable/python/python_api.html"

    def is_unread(self, facts: ObjectFacts) -> bool:
        """A ``Booster`` is: its getters configure it, and may warn in the user's own cell."""
        return facts.cls.endswith(".Booster")


class LightGBMCard(_BoosterCard):
    """python-package/lightgbm/sklearn.py ``fit`` and ``engine.py`` ``train``: a new ``Booster`` each time, which
    begins with the trees of ``init_model`` where that is given."""

    library = "lightgbm"
    source = "https://lightgbm.readthedocs.io/en/stable/Python-API.html"


class CatBoostCard(_BoosterCard):
    """catboost/python-package/catboost/core.py ``_fit``: trains in the same C object, anew, or from the trees of
    ``init_model``."""

    library = "catboost"
    source = "https://catboost.ai/docs/en/concepts/python-reference_catboost_fit"

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """Its own searches fit it with the best that they found (core.py ``_tune_hyperparams``)."""
        if method in ("grid_search", "randomized_search", "select_features"):
            return Effect.REFITS
        return super().effect(facts, method, given)

    def is_unread(self, facts: ObjectFacts) -> bool:
        """One of so many trees that their leaves are not evaluated."""
        leaves = facts.learned.get("leaf_values")
        return leaves is not None and leaves.digest is None

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has trees."""
        trees = facts.learned.get("_tree_count")
        return trees is not None and trees.text not in ("None", "0")


class StatsModelsCard(GenericCard):
    """Results are made by ``fit`` of a model that is another object, and do not learn again
    (statsmodels/base/model.py ``Results``); ``remove_data`` only takes the data out."""

    library = "statsmodels"
    source = "https://www.statsmodels.org/stable/dev/internal.html"
    born_fitted = True

    def effect(self, facts: ObjectFacts, method: str, given: tuple[str, ...] = ()) -> Effect:
        """A results object learns by nothing; what teaches its model makes a new one."""
        effect = GENERIC.effect(facts, method, given)
        return effect if effect in (Effect.RESTORES, Effect.READS, Effect.REFITS) else Effect.NONE

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Always: they are what was learned."""
        return True

    def is_learned(self, attribute: str) -> bool:
        """The estimates; diagnostics are kept beside them on first use."""
        return attribute.endswith("params")
