"""Calls whose effect on a cell is known by their name alone, wherever they are imported from."""

from __future__ import annotations

from collections.abc import Collection

MAKES_NEW_OBJECT: Collection[str] = frozenset(
    {
        *("clone", "copy", "deepcopy"),  # sklearn.base, copy
        *("load", "loads"),  # joblib, pickle, torch
        *("make_pipeline", "make_union", "make_column_transformer"),  # sklearn.pipeline, sklearn.compose
        *("list", "tuple", "dict"),
    }
)
"""Library functions that return another object at every call."""

COPIES: Collection[str] = frozenset({"clone", "copy", "deepcopy"})
"""Functions that return a copy of their first argument."""

COPIES_WITHOUT_LEARNED_STATE: Collection[str] = frozenset({"clone"})
"""Those of ``COPIES`` that leave behind what was learned (sklearn/base.py ``clone``)."""

RETURNS_STORED_OBJECT: Collection[str] = frozenset({"get", "setdefault", "pop"})
"""Methods of containers that return what is stored in them."""

EXHAUSTIBLE: Collection[str] = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "open"})
"""Builtins that return an iterator: a second loop through it finds nothing."""

NAMESPACES: Collection[str] = frozenset({"globals", "locals", "vars", "dir"})
"""Builtins that tell which names there are."""

APPEND = "append"
"""``list.append``."""

SET_PARAMS = "set_params"
"""``BaseEstimator.set_params`` (sklearn/base.py): its keywords are hyper-parameters."""
