"""How XGBoost's models are read: the scikit-learn interface over a ``Booster``, and the ``Booster``.

Sees: hyper-parameters, and which ``Booster`` an estimator holds.  Cannot see: inside a ``Booster``.  The getter for
its number of rounds configures it and may warn in the user's own cell, so it is not read at all; the calls tell
what is done to it.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import MISSING, LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of

_BOOSTER = "_Booster"


class XGBoostModel(LibraryReader):
    """``XGBModel`` and ``Booster``."""

    by_attributes = False
    further_params = "kwargs"
    part_methods = frozenset({"get_booster"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The ``Booster`` is a part, and nothing of it is read."""
        if info.name.endswith(".Booster"):
            return {}, {}
        return super().split(obj, info)

    def parts(self, obj: Any) -> list[Part]:
        """What ``get_booster()`` gives."""
        boosters = [v for n, v in attributes_of(obj) if n == _BOOSTER and v is not None]
        return [(f".{_BOOSTER}", None, v) for v in boosters]

    def result(self, obj: Any, method: str) -> Any:
        """``m.get_booster()``."""
        return dict(attributes_of(obj)).get(_BOOSTER, MISSING) if method == "get_booster" else MISSING


READERS = {"xgboost": XGBoostModel}
