"""How skorch's nets are read: by their attributes, with the settings of the parts apart.

Sees: settings such as ``module__units``, the length of the history, the PyTorch module as a part.  Cannot see: what
callbacks keep.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import LibraryReader, Values
from ...probe.types import TypeInfo, mro_of

_PREFIXES = ("module__", "optimizer__", "criterion__", "iterator_train__", "iterator_valid__")


class SkorchNet(LibraryReader):
    """``skorch.NeuralNet``: an estimator around a PyTorch module."""

    by_attributes = False

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The history is reported as its length: an entry per epoch."""
        params, learned = super().split(obj, info)
        for name in [n for n in learned if n.startswith(_PREFIXES) or "__" in n[1:]]:
            params[name] = learned.pop(name)
        history: Any = learned.get("history_")
        if any(base is list for base in mro_of(type(history))):
            learned["history_"] = list.__len__(history)
        return params, {n: v for n, v in learned.items() if not n.startswith("_")}


READERS = {"skorch": SkorchNet}
