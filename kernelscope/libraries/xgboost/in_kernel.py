"""How XGBoost's models are read: the scikit-learn interface over a ``Booster``, and the ``Booster``.

Sees: hyper-parameters, and which ``Booster`` an estimator holds.  Cannot see: inside a ``Booster``.  The getter for
its number of rounds configures it and may warn in the user's own cell, so it is not read at all; the calls tell
what is done to it.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import MISSING, LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of, pairs_of

_BOOSTER = "_Booster"
_FURTHER_PARAMS = "kwargs"
"""The attribute that keeps what the constructor took beyond its named arguments."""


class XGBoostModel(LibraryReader):
    """``XGBModel`` and ``Booster``."""

    by_attributes = False
    part_methods = frozenset({"get_booster"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The ``Booster`` is a part, and nothing of it is read."""
        if info.name.endswith(".Booster"):
            return {}, {}
        params, learned = super().split(obj, info)
        more: Any = learned.pop(_FURTHER_PARAMS, params.pop(_FURTHER_PARAMS, None))
        for name, value in pairs_of(more, 64) if type(more) is dict else ():
            if type(name) is str:
                params[name] = value
                learned.pop(name, None)
        return params, learned

    def parts(self, obj: Any) -> list[Part]:
        """What ``get_booster()`` gives."""
        boosters = [v for n, v in attributes_of(obj) if n == _BOOSTER and v is not None]
        return [(f".{_BOOSTER}", None, v) for v in boosters]

    def result(self, obj: Any, method: str) -> Any:
        """``m.get_booster()``."""
        return dict(attributes_of(obj)).get(_BOOSTER, MISSING) if method == "get_booster" else MISSING


READERS = {"xgboost": XGBoostModel}
