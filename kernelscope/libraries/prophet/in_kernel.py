"""How Prophet's forecasters are read.

Sees: the attributes of the forecaster.  Cannot see: what an added regressor was scaled by, which lies in a dict of
settings.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of, exact_pairs

_MOST_ADDED = 64
_AUTOMATIC = ("yearly", "weekly", "daily")
"""Seasonalities that ``fit`` itself adds (``Prophet.set_auto_seasonalities``)."""
_ADDED = ("seasonalities", "extra_regressors")
"""Dicts that ``add_seasonality`` and ``add_regressor`` write to."""
_FITTED = "history"
"""``fit`` sets it first, and refuses to run if it is there (``Prophet.preprocess``, ``Prophet.fit``)."""


class ProphetForecaster(LibraryReader):
    """``Prophet``: what it was given, what was added to it, and what ``fit`` set."""

    by_attributes = False

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The constructor sets all attributes to ``None`` and empty dicts: before ``fit`` none of them is learned."""
        own = dict(attributes_of(obj))
        params: Values = {n: v for n, v in own.items() if n in info.params}
        if own.get("specified_changepoints") is not True:
            params.pop("changepoints", None)  # `fit` has put them where it finds the slope to change
        params.update({n: _names_added(own.get(n)) for n in _ADDED})
        params["country_holidays"] = own.get("country_holidays")
        if own.get(_FITTED) is None:
            return params, {}
        learned = {n: v for n, v in own.items() if n not in params and n not in self.unreported}
        return params, learned

    def parts(self, obj: Any) -> list[Part]:
        """It has none."""
        return []


def _names_added(added: Any) -> str:
    names = [n for n, _ in exact_pairs(added, _MOST_ADDED) if type(n) is str and n not in _AUTOMATIC]
    return ", ".join(names)


READERS = {"prophet": ProphetForecaster}
