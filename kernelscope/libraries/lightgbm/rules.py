"""LightGBM: ``fit`` and ``train`` make a new ``Booster`` each time, which begins with the trees of ``init_model``.

Read in LightGBM 4.7; older ones were not read.
"""

from __future__ import annotations

from kernelscope.libraries.base import (
    Arguments,
    AttributeKind,
    Attributes,
    EarlyClasses,
    FileMethods,
    Functions,
)
from kernelscope.libraries.boosting import BoosterRules


class LightGBMRules(BoosterRules):
    """``LGBMModel`` and ``Booster``."""

    library = "lightgbm"
    source = "https://lightgbm.readthedocs.io/en/stable/Python-API.html"
    bases = ("lightgbm.sklearn.LGBMModel", "lightgbm.basic.Booster")
    holders = ("lightgbm.engine.CVBooster",)
    early_classes = (
        EarlyClasses("lightgbm.sklearn", ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker")),
        EarlyClasses("lightgbm.basic", ("Booster",)),
    )

    attributes = (
        Attributes(
            kind=AttributeKind.CACHE,
            names=("_evals_result", "_best_score", "_le", "_class_map"),
            source="lightgbm/sklearn.py: fit",
            reported=False,
        ),
    )
    arguments = (
        Arguments(
            kind="continues",
            names=("init_model",),
            source="lightgbm/sklearn.py: fit; lightgbm/engine.py: train",
        ),
        Arguments(kind="file", names=("model_file",), source="lightgbm/basic.py: Booster.__init__"),
        Arguments(kind="text", names=("model_str",), source="lightgbm/basic.py: Booster.__init__"),
    )
    functions = (
        Functions(
            action="train", module="lightgbm.engine", names=("train",), source="lightgbm/engine.py: train"
        ),
    )
    file_methods = (
        FileMethods(action="save", methods=("save_model",), source="lightgbm/basic.py: Booster.save_model"),
    )


RULES = (LightGBMRules(),)
