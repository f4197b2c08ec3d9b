"""The probe's parts in this process, with the libraries that kernelscope knows."""

from __future__ import annotations

import importlib
from typing import Any

import msgspec

from kernelscope.libraries.registry import registry
from kernelscope.probe.code import CodeReader
from kernelscope.probe.library import Libraries
from kernelscope.probe.scanner import NamespaceScanner
from kernelscope.probe.tables import Tables
from kernelscope.probe.types import TypeCache


def make_tables() -> Tables:
    """Build the tables as the kernel gets them: decoded from JSON."""
    return Tables(msgspec.json.decode(msgspec.json.encode(registry().kernel_tables)))


def make_libraries() -> Libraries:
    """Load every library, with its reader."""
    names = [library.name for library in registry().libraries]
    modules = {n: vars(importlib.import_module(f"kernelscope.libraries.{n}.in_kernel")) for n in names}
    return Libraries(make_tables(), modules)


def make_types() -> TypeCache:
    """Build a cache that knows the types of every library."""
    return TypeCache(make_tables())


def make_scanner(namespace: dict[str, Any]) -> NamespaceScanner:
    """Build a scanner of this namespace."""
    return NamespaceScanner(namespace, make_libraries())


def make_code_reader(namespace: dict[str, Any], scanner: NamespaceScanner) -> CodeReader:
    """Build a reader of cells for this namespace; it shares the scanner's tables."""
    return CodeReader(namespace, scanner.types, scanner.tokens, scanner.libraries)
