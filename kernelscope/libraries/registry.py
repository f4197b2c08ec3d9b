"""Finds the folders of libraries, loads their rules, and picks the rules that apply to an object.

A folder is found by its place, so that adding a library touches no list.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import SourceFileLoader

from msgspec import Struct

from kernelscope import libraries
from kernelscope.domain.facts import ObjectFacts
from kernelscope.libraries.base import Effect, LibraryRules
from kernelscope.libraries.kernel_tables import KernelTables, derive_tables

__all__ = ["Effect", "Library", "LibraryRegistry", "LibraryRules", "registry", "rules_for", "use_registry"]

_DEFAULT = "other"
"""The kind of what no library claims."""


class Library(Struct, frozen=True):
    """One folder."""

    name: str
    path: str
    rules: tuple[LibraryRules, ...]

    def in_kernel(self) -> str:
        """The source of ``in_kernel.py``, which is read as text and never imported."""
        data = SourceFileLoader("in_kernel", self.path).get_data(f"{self.path}/in_kernel.py")
        return data.decode("utf-8")


class LibraryRegistry:
    """The libraries that kernelscope knows.

    Args:
        folders: more places to look for libraries, each holding folders like those in ``kernelscope/libraries``.
    """

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self.libraries = (*_own_libraries(), *(lib for folder in folders for lib in _libraries_in(folder)))
        self._by_kind = {rules.library: rules for library in self.libraries for rules in library.rules}

    def rules_of_kind(self, kind: str) -> LibraryRules:
        """The rules for a kind of object (``ObjectFacts.library``); the generic ones if none are known."""
        return self._by_kind.get(kind, self._by_kind[_DEFAULT])

    def is_step(self, method: str) -> bool:
        """Whether calling this method on an optimizer of any library trains what it works on."""
        return method in self.kernel_tables.stepping_methods

    def functions(self, *actions: str) -> frozenset[str]:
        """Names of the functions of any library that do one of these things: see ``Functions.action``."""
        declared = (f for rules in self.rules for f in rules.functions if f.action in actions)
        return frozenset(name for functions in declared for name in functions.names)

    def methods(self, kind: str) -> frozenset[str]:
        """Methods of one kind: see ``Names.kind``."""
        return frozenset(m for rules in self.rules for n in rules.names if n.kind == kind for m in n.names)

    @property
    def rules(self) -> tuple[LibraryRules, ...]:
        """Of all libraries."""
        return tuple(self._by_kind.values())

    @cached_property
    def kernel_tables(self) -> KernelTables:
        """What the probe must know, as data."""
        folders = {library.name: tuple(r.library for r in library.rules) for library in self.libraries}
        return derive_tables(self.rules, folders, _DEFAULT)


def _own_libraries() -> Iterator[Library]:
    for module in sorted(pkgutil.iter_modules(libraries.__path__), key=lambda m: m.name):
        if module.ispkg:
            rules = importlib.import_module(f"{libraries.__name__}.{module.name}.rules").RULES
            yield Library(module.name, f"{libraries.__path__[0]}/{module.name}", rules)


def _libraries_in(folder: str) -> Iterator[Library]:
    """Those in another place: their ``rules.py`` is loaded under a name of its own."""
    for module in sorted(pkgutil.iter_modules([folder]), key=lambda m: m.name):
        path = f"{folder}/{module.name}"
        spec = importlib.util.spec_from_file_location(
            f"kernelscope_library_{module.name}", f"{path}/rules.py"
        )
        if not module.ispkg or spec is None or spec.loader is None:
            continue
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded  # msgspec looks a class up in its module
        spec.loader.exec_module(loaded)
        yield Library(module.name, path, loaded.RULES)


_current = [LibraryRegistry()]


def registry() -> LibraryRegistry:
    """The registry that this process works with."""
    return _current[-1]


@contextmanager
def use_registry(other: LibraryRegistry) -> Iterator[None]:
    """Work with another registry for a while."""
    _current.append(other)
    try:
        yield
    finally:
        _current.remove(other)


def rules_for(facts: ObjectFacts) -> LibraryRules:
    """The rules for the kind that ``facts.library`` names; the generic ones if none are known."""
    return registry().rules_of_kind(facts.library)
