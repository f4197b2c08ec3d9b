"""Calls whose effect on a cell is known by their name alone, wherever they are imported from."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct


class KnownCalls(Struct, frozen=True):
    """Functions and methods that make, copy and set things; these are Python's own, and a caller adds those of libraries."""

    makes_new_object: frozenset[str] = frozenset(
        {"copy", "deepcopy", "load", "loads", "list", "tuple", "dict"}
    )
    """Functions that return another object at every call."""
    copies: frozenset[str] = frozenset({"copy", "deepcopy"})
    """Functions that return a copy of their first argument."""
    sets_params: frozenset[str] = frozenset()
    """Methods whose keywords are hyper-parameters of their receiver."""


RETURNS_STORED_OBJECT: Collection[str] = frozenset({"get", "setdefault", "pop"})
"""Methods of containers that return what is stored in them."""

EXHAUSTIBLE: Collection[str] = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "open"})
"""Builtins that return an iterator: a second loop through it finds nothing."""

APPEND = "append"
"""``list.append``."""
