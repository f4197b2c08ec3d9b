"""Which globals a cell can reach by name: those that its source mentions, and those that the functions do that it reaches.

What is mentioned may have been touched, whatever the cell did with it.  What was reached in another way (a closure
of a library's, a loop over ``gc.get_objects()``) is not seen here.
"""

from __future__ import annotations

import functools
import re
import types
from typing import Any, Iterable

from .types import TypeCache, class_dict, is_class, mro_of

_WORD = re.compile(r"[^\W\d]\w*")
_ANYTHING = frozenset(
    {
        "exec",
        "eval",
        "globals",
        "locals",
        "vars",
        "run_cell",
        "__dict__",
        "gc",
        "user_ns",
    }
)
"""Words by which a cell may reach any name."""
_MAGIC = re.compile(r"(?:\brun_(?:line|cell)_magic\(\s*['\"]|(?:^|=)\s*%%?)(\w+)", flags=re.MULTILINE)
"""A magic, as IPython writes it or as the user did."""
_HARMLESS_MAGICS = frozenset(
    [
        "alias",
        "alias_magic",
        "autoreload",
        "autosave",
        "bash",
        "bookmark",
        "capture",
        "cd",
        "conda",
        "config",
        "dhist",
        "dirs",
        "env",
        "history",
        "html",
        "javascript",
        "js",
        "latex",
        "load_ext",
        "ls",
        "lsmagic",
        "magic",
        "markdown",
        "matplotlib",
        "memit",
        "mprun",
        "notebook",
        "page",
        "pdoc",
        "pfile",
        "pinfo",
        "pinfo2",
        "pip",
        "popd",
        "precision",
        "prun",
        "psearch",
        "psource",
        "pushd",
        "pwd",
        "reload_ext",
        "script",
        "set_env",
        "sh",
        "svg",
        "sx",
        "system",
        "time",
        "timeit",
        "uv",
        "who",
        "who_ls",
        "whos",
        "writefile",
        "xmode",
    ]
)
"""Magics that run nothing but the code that stands behind them, if that; any other may reach any name."""
_LONGEST_SOURCE = 200_000
"""Characters of a cell that is searched for words; a longer one may reach anything."""
_MOST_WORDS = 5_000
_MISSING = object()


class Touched:
    """What a cell may have done something to."""

    __slots__ = ("tokens", "words")

    def __init__(self, words: frozenset[str] = frozenset(), tokens: frozenset[int] = frozenset()) -> None:
        self.words = words
        """Globals, and other words."""
        self.tokens = tokens
        """Models on which a call was seen."""


class MentionReader:
    """Finds what a cell mentions, in one namespace."""

    def __init__(self, namespace: dict[str, Any], types_: TypeCache) -> None:
        self._namespace, self._types = namespace, types_

    def read(self, source: str, tokens: frozenset[int]) -> Touched | None:
        """What a cell may have touched; ``None`` if that may be anything.

        Args:
            source: the cell, as Python or with magics.
            tokens: models on which a call was seen.
        """
        if len(source) > _LONGEST_SOURCE or not _HARMLESS_MAGICS.issuperset(_MAGIC.findall(source)):
            return None
        words: set[str] = set()
        pending = list(dict.fromkeys(_WORD.findall(source)))
        entered: set[int] = set()
        while pending:
            word = pending.pop()
            if word in words:
                continue
            words.add(word)
            if word in _ANYTHING or len(words) > _MOST_WORDS:
                return None
            value = dict.get(self._namespace, word, _MISSING)
            for code in self._codes_of(value):
                if id(code) not in entered:
                    entered.add(id(code))
                    pending += _names_in(code)
        return Touched(frozenset(words), tokens)

    def _codes_of(self, value: Any) -> Iterable[types.CodeType]:
        """The code that calling a value, or a method of it, may run, as far as the user wrote it."""
        while type(value) is functools.partial:
            value = value.func
        if type(value) is types.MethodType:
            value = value.__func__
        if type(value) is types.FunctionType:
            return [value.__code__]
        cls = value if is_class(value) else type(value)
        codes = []
        for base in mro_of(cls):
            if self._types.is_user_module(class_dict(base).get("__module__", "")):
                codes += [
                    entry.__code__
                    for entry in list(class_dict(base).values())
                    if type(entry) is types.FunctionType
                ]
        return codes


def _names_in(code: types.CodeType) -> list[str]:
    """Names that the code, and the functions defined in it, look up."""
    names = [*code.co_names, *code.co_freevars]
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            names += _names_in(constant)
    return names
