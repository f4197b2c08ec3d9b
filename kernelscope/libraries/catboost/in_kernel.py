"""How CatBoost's models are read: hyper-parameters in one dict, what was learned in a C object.

Sees: the number of trees, and the values of the leaves.  Cannot see: the splits, and the leaves of very many trees.
"""

from __future__ import annotations

from typing import Any

from ...probe.library import LibraryReader, Part, Values
from ...probe.types import TypeInfo, attributes_of, class_attribute, exact_pairs, names_in

_MOST_TREES = 2_000
_UNREAD = object()
"""Has no digest: nothing is concluded from what stands for it."""


class CatBoostModel(LibraryReader):
    """``catboost.CatBoost``."""

    by_attributes = False
    computed = frozenset({"leaf_values"})

    def split(self, obj: Any, info: TypeInfo) -> tuple[Values, Values]:
        """The object in C stays the same through every fit: its trees are read."""
        own = dict(attributes_of(obj))
        params: Values = dict.fromkeys(info.params)  # what was not given is None in effect
        params.update((n, v) for n, v in exact_pairs(own.get("_init_params"), 128) if type(n) is str)
        trees = own.get("_tree_count")
        if trees is None:
            return params, {}
        return params, {"_tree_count": trees, "leaf_values": _leaf_values(own.get("_object"), trees)}

    def parts(self, obj: Any) -> list[Part]:
        """It has none."""
        return []


def _leaf_values(inner: Any, trees: Any) -> Any:
    """The values of all leaves, as CatBoost's C object gives them: a copy; of too many trees they are
    not evaluated."""
    kind = type(inner)
    own = names_in("_catboost").get("_CatBoost")
    if kind is not own or type(trees) is not int or trees > _MOST_TREES:
        return _UNREAD
    getter: Any = class_attribute(kind, "_get_leaf_values")
    return getter(inner)


READERS = {"catboost": CatBoostModel}
