"""CatBoost: ``fit`` trains in the same C object, from nothing or from the trees of ``init_model``.

Read in CatBoost 1.2.10; older ones were not read.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import Arguments, Calls, EarlyClasses, Effect, FileMethods, Objects
from kernelscope.libraries.boosting import BoosterRules

_CORE = "catboost/core.py"


class CatBoostRules(BoosterRules):
    """``catboost.CatBoost``."""

    library = "catboost"
    source = "https://catboost.ai/docs/en/concepts/python-reference_catboost_fit"
    bases = ("catboost.core.CatBoost",)
    early_classes = (
        EarlyClasses(
            "catboost.core", ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
        ),
    )

    calls = (
        # Its own searches fit it with the best that they found.
        Calls(
            methods=("grid_search", "randomized_search"),
            effect=Effect.REFITS,
            source=f"{_CORE}: _tune_hyperparams",
        ),
        Calls(methods=("select_features",), effect=Effect.REFITS, source=f"{_CORE}: select_features"),
        *BoosterRules.calls,
    )
    arguments = (
        Arguments(kind="continues", names=("init_model",), source=f"{_CORE}: _fit"),
        Arguments(kind="path", names=("fname",), source=f"{_CORE}: save_model"),
    )
    file_methods = (
        FileMethods(action="save", methods=("save_model",), source=f"{_CORE}: save_model"),
        FileMethods(action="load", methods=("load_model",), source=f"{_CORE}: load_model"),
    )

    def effect(self, facts: ObjectFacts, method: str, args: tuple[str, ...] = ()) -> Effect:
        """Its own searches start from nothing, whatever they are given."""
        if method in self.calls[0].methods + self.calls[1].methods:
            return Effect.REFITS
        return super().effect(facts, method, args)

    def is_unread(self, facts: ObjectFacts) -> bool:
        """One of so many trees that their leaves are not evaluated."""
        leaves = facts.learned.get("leaf_values")
        return leaves is not None and leaves.digest is None

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it has trees."""
        trees = facts.learned.get("_tree_count")
        return trees is not None and trees.text not in ("None", "0")


RULES = (CatBoostRules(),)
