"""XGBoost: ``fit`` and ``train`` make a new ``Booster`` each time, which begins with the trees of ``xgb_model``.

Read in XGBoost 3.2; older ones were not read.
"""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import (
    Arguments,
    AttributeKind,
    Attributes,
    EarlyClasses,
    FileMethods,
    Functions,
)
from kernelscope.libraries.boosting import BoosterRules


class XGBoostRules(BoosterRules):
    """``XGBModel`` and ``Booster``."""

    library = "xgboost"
    source = "https://xgboost.readthedocs.io/en/stable/python/python_api.html"
    bases = ("xgboost.sklearn.XGBModel", "xgboost.core.Booster")
    early_classes = (
        EarlyClasses("xgboost.sklearn", ("XGBModel", "XGBClassifier", "XGBRanker")),
        EarlyClasses("xgboost.core", ("Booster",)),
    )

    attributes = (
        Attributes(
            kind=AttributeKind.CACHE,
            names=("evals_result_", "_le"),
            source="xgboost/sklearn.py: fit",
            reported=False,
        ),
    )
    arguments = (
        Arguments(
            kind="continues",
            names=("xgb_model",),
            source="xgboost/sklearn.py: fit; xgboost/training.py: train",
        ),
        Arguments(kind="path", names=("fname",), source="xgboost/sklearn.py: save_model"),
        Arguments(kind="file", names=("model_file",), source="xgboost/core.py: Booster.__init__"),
    )
    functions = (
        Functions(
            action="train", module="xgboost.training", names=("train",), source="xgboost/training.py: train"
        ),
    )
    file_methods = (
        FileMethods(action="save", methods=("save_model",), source="xgboost/sklearn.py: save_model"),
        FileMethods(action="load", methods=("load_model",), source="xgboost/sklearn.py: load_model"),
    )

    def is_unread(self, facts: ObjectFacts) -> bool:
        """A ``Booster`` is: its getters configure it, and may warn in the user's own cell."""
        return facts.cls.endswith(".Booster")


RULES = (XGBoostRules(),)
