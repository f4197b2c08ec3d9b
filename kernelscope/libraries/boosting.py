"""What XGBoost, LightGBM and CatBoost have in common."""

from __future__ import annotations

from typing import ClassVar

from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import Calls, Effect, Names, Objects
from kernelscope.libraries.generic.rules import GenericRules


class BoosterRules(GenericRules):
    """``fit`` starts from nothing unless it is given a model to go on from; a ``Booster`` goes on with each ``update``."""

    required_methods: ClassVar[tuple[str, ...]] = ()
    born_fitted = True

    calls: ClassVar[tuple[Calls, ...]] = (
        Calls(
            methods=("update",),
            effect=Effect.CONTINUES,
            source="xgboost/core.py, lightgbm/basic.py: Booster.update",
            watched=True,
            in_code="changes",
        ),
        Calls(
            methods=("boost",),
            effect=Effect.CONTINUES,
            source="xgboost/core.py: Booster.boost",
            watched=True,
            in_code="changes",
        ),
        Calls(
            # The function of the library: it makes a new `Booster`, with the trees of the one that it is given.
            methods=("train",),
            effect=Effect.REFITS,
            source="xgboost/training.py, lightgbm/engine.py: train",
        ),
        Calls(
            methods=("load_model",),
            effect=Effect.RESTORES,
            source="xgboost/sklearn.py, catboost/core.py: load_model",
            watched=True,
            in_code="changes",
        ),
        Calls(methods=("load",), effect=Effect.RESTORES, source="xgboost/core.py: Booster.load_model"),
        Calls(
            methods=("model_from_string",),
            effect=Effect.RESTORES,
            source="lightgbm/basic.py: Booster.model_from_string",
            in_code="changes",
        ),
        *GenericRules.calls,
    )
    names: ClassVar[tuple[Names, ...]] = (
        *GenericRules.names,
        Names(kind="copies itself", names=("copy",), source="xgboost/core.py, catboost/core.py: copy"),
    )

    def is_fitted(self, facts: ObjectFacts, objects: Objects) -> bool:
        """Whether it holds a ``Booster``, or is one."""
        booster = facts.learned.get("_Booster")
        return facts.cls.endswith(".Booster") or (booster is not None and not booster.is_none)
