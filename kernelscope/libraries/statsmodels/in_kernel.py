"""How results of statsmodels are read, which are made by a fit and never learn again.

Sees: the attributes of the results object.  Cannot see: what it computes on demand, which lies in ``_cache``.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of, instance_dict


class StatsModelsResults(LibraryReader):
    """``Results``, and the wrapper that stands for them."""

    by_attributes = False

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """A wrapper stands for the results in it."""
        inner = (instance_dict(obj) or {}).get("_results", obj)
        pairs = attributes_of(inner)
        return {}, {n: v for n, v in pairs if n not in self.unreported and not n.startswith("_")}

    def parts(self, obj: Any) -> list[Part]:
        """It has none."""
        return []


READERS = {"statsmodels": StatsModelsResults}
