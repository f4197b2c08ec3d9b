"""How LightGBM's models are read: the scikit-learn interface over a ``Booster``, and the ``Booster``.

Sees: hyper-parameters, which ``Booster`` an estimator holds, and how many rounds that has, as its C library says.
Cannot see: the trees.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import MISSING, LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of, instance_dict, names_in

_BOOSTER = "_Booster"


class LightGBMModel(LibraryReader):
    """``LGBMModel`` and ``Booster``."""

    by_attributes = False
    further_params = "_other_params"

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The ``Booster`` is a part; its number of rounds is read."""
        if info.name.endswith(".Booster"):
            return {}, _rounds(obj)
        return super().split(obj, info)

    def parts(self, obj: Any) -> list[Part]:
        """What ``booster_`` gives."""
        boosters = [v for n, v in attributes_of(obj) if n == _BOOSTER and v is not None]
        return [(f".{_BOOSTER}", None, v) for v in boosters]

    def attribute(self, obj: Any, name: str) -> Any:
        """``m.booster_``."""
        return dict(attributes_of(obj)).get(_BOOSTER, MISSING) if name == "booster_" else MISSING


def _rounds(booster: Any) -> Values:
    """How many rounds a ``Booster`` has."""
    library, ctypes = (names_in(n) for n in ("lightgbm.basic", "ctypes"))
    handle: Any = (instance_dict(booster) or {}).get("_handle")
    if "_LIB" not in library or type(handle) is not ctypes.get("c_void_p") or not handle.value:
        return {}
    rounds = ctypes["c_int"](0)
    failed = library["_LIB"].LGBM_BoosterGetCurrentIteration(handle, ctypes["byref"](rounds))
    return {} if failed else {"rounds": int(rounds.value)}


READERS = {"lightgbm": LightGBMModel}
