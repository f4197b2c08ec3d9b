"""The user's own names in a namespace, keys without going through IPython's.

IPython adds ``_i7``, and often ``_7``, with each run, so that after a long day most of a namespace is its own.  A
dictionary keeps its keys in the order in which they were added, and IPython never adds ``_i7`` a
second time.  So what is new stands behind the latest ``_iN`` of the look before.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import islice, repeat
from operator import is_
from typing import Any

from .types import LONGEST_NAME, pairs_of

MOST_NAMES = 1_000_000
"""Names of the user's that are looked at."""
_IPYTHONS_OWN = re.compile(r"_{1,3}|_\d+|_i{1,3}|_i\d+|_oh|_dh|In|Out|__\w*__|get_ipython|exit|quit")
_INPUT = re.compile(r"_i\d+")
_TRIES = 3
_MISSING = object()


class UserNames:
    """The names of one namespace, looked up again and again by one thread.

    Args:
        namespace: names and values, as a plain dict; nothing is changed in it.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._value_of = partial(dict.get, namespace)
        self._names: dict[str, None] = {}
        """In the order of the namespace."""
        self._latest_input: object = _MISSING
        """The key ``_iN`` behind which keys may be new."""
        self._has_odd_keys = False
        """A key is no plain string: looking a name up could run its ``__eq__``."""
        self.examined = 0
        """Keys that the last look-up went through to find what is new."""

    def read(self) -> tuple[list[str], list[Any]]:
        """Names and values of every global of the user's, in the order of the namespace."""
        self._add_new()
        if self._has_odd_keys:
            pairs = pairs_of(self._namespace, MOST_NAMES)
            pairs = [(k, v) for k, v in pairs if type(k) is str and k in self._names]
            return [name for name, _ in pairs], [value for _, value in pairs]
        names = list(islice(self._names, MOST_NAMES))
        values = list(map(self._value_of, names, repeat(_MISSING)))
        if not any(map(is_, values, repeat(_MISSING))):
            return names, values
        for name, value in zip(names, values):
            if value is _MISSING:
                del self._names[name]
        pairs = [(name, value) for name, value in zip(names, values) if value is not _MISSING]
        return [name for name, _ in pairs], [value for _, value in pairs]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def _add_new(self) -> None:
        new, is_all = self._new_keys()
        self.examined = len(new)
        if is_all:
            self._latest_input, self._has_odd_keys = _MISSING, False
            self._names.clear()
        for key in new:
            if type(key) is not str:
                self._has_odd_keys = True
            elif len(key) > LONGEST_NAME:
                continue
            elif _INPUT.fullmatch(key) and (self._has_odd_keys or type(self._value_of(key)) is str):
                self._latest_input = key  # the user's own `_i0` may be added again later
            elif not _IPYTHONS_OWN.fullmatch(key):
                self._names.pop(key, None)  # one that was deleted and added again stands further back now
                self._names[key] = None

    def _new_keys(self) -> tuple[list[Any], bool]:
        """Keys that may be new, in order, and whether these are all that there are."""
        for _ in range(_TRIES):
            keys: list[Any] = []
            try:
                for key in dict.__reversed__(self._namespace):
                    # fault: 98a
                    if key is self._latest_input:
                        return keys[::-1], False
                    keys.append(key)
            except RuntimeError:  # another thread added a name meanwhile
                continue
            return keys[::-1], True
        return list(dict.keys(self._namespace)), True
