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
    """As the kernel gets them: by way of JSON."""
    return Tables(msgspec.json.decode(msgspec.json.encode(registry().kernel_tables)))


def make_libraries() -> Libraries:
    """Every library, with its reader."""
    names = [library.name for library in registry().libraries]
    modules = {n: vars(importlib.import_module(f"kernelscope.libraries.{n}.in_kernel")) for n in names}
    return Libraries(make_tables(), modules)


def make_types() -> TypeCache:
    """Knows the types of every library."""
    return TypeCache(make_tables())


def make_scanner(namespace: dict[str, Any]) -> NamespaceScanner:
    """Looks at this namespace."""
    return NamespaceScanner(namespace, make_libraries())


def make_code_reader(namespace: dict[str, Any], scanner: NamespaceScanner) -> CodeReader:
    """Reads cells against this namespace; shares what the scanner knows."""
    return CodeReader(namespace, scanner.types, scanner.tokens, scanner.libraries)
