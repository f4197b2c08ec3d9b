"""Tests that each library's folder is complete, its rules name sources, and the probe's tables come from them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernelscope.kernel.inject import PROBE_MODULES, SHARED_MODULES
from kernelscope.libraries.base import LibraryRules
from kernelscope.libraries.kernel_tables import KernelTables
from kernelscope.libraries.registry import Library, registry
from kernelscope.probe.library import LibraryReader
from kernelscope.probe.tables import Tables
from tests.support.probe import make_libraries, make_tables
from tests.support.scenarios import scenarios_of

LIBRARIES = registry().libraries
RULES = [rules for library in LIBRARIES for rules in library.rules]
STATED = ("calls", "attributes", "arguments", "functions", "file_methods", "names")
ROOT = Path(__file__).parents[2] / "kernelscope"


def name(library: Library) -> str:
    return library.name


def kind(rules: LibraryRules) -> str:
    return rules.library


@pytest.mark.parametrize("library", LIBRARIES, ids=name)
def test_a_folder_has_its_files(library: Library) -> None:
    for file in ("__init__.py", "in_kernel.py", "rules.py", "scenarios.toml"):
        assert Path(library.path, file).is_file(), file
    assert library.rules
    assert scenarios_of(Path(library.path, "scenarios.toml"))


@pytest.mark.parametrize("library", LIBRARIES, ids=name)
def test_the_kinds_of_a_library_have_its_name(library: Library) -> None:
    for rules in library.rules if library.name != "generic" else ():
        assert rules.library.partition(".")[0] == library.name


@pytest.mark.parametrize("rules", RULES, ids=kind)
def test_a_rule_names_its_source(rules: LibraryRules) -> None:
    assert rules.source
    for table in STATED:
        for entry in getattr(rules, table):
            assert "." in entry.source, f"{table}: {entry}"


@pytest.mark.parametrize("rules", RULES, ids=kind)
def test_objects_of_a_kind_are_recognized_by_a_class(rules: LibraryRules) -> None:
    assert rules.bases or rules.library == "other"


def test_the_probe_declares_the_tables_that_it_gets() -> None:
    tables: dict[str, Any] = msgspec.to_builtins(registry().kernel_tables)
    derived = {"telling_methods"}
    assert set(vars(make_tables())) - derived == set(tables)
    for table in tables:
        with pytest.raises(KeyError):
            Tables({key: value for key, value in tables.items() if key != table})


def test_every_kind_has_a_reader() -> None:
    libraries = make_libraries()
    assert not libraries.switched_off
    for rules in RULES:
        assert isinstance(libraries._readers[rules.library], LibraryReader), rules.library


def runs_in_kernel() -> list[Path]:
    own = [Path(library.path, "in_kernel.py") for library in LIBRARIES]
    shared = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in SHARED_MODULES]
    return [*shared, *(ROOT / "probe" / f"{module}.py" for module in PROBE_MODULES), *own]


@pytest.mark.parametrize("path", runs_in_kernel(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_runs_in_the_kernel_imports_the_standard_library_and_the_probe(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if path.name == "in_kernel.py" and node.level:
                assert (node.level, module.partition(".")[0]) == (3, "probe")
            else:
                is_shared = node.level == 2 and f"{module}" in SHARED_MODULES
                assert node.level == 1 or is_shared or module.partition(".")[0] in sys.stdlib_module_names


def test_no_names_of_a_library_are_outside_its_folder() -> None:
    """Only code counts, not docstrings."""
    common = {
        "load",
        "dump",
        "copy",
        "path",
        "file",
        "save",
        "step",
        "train",
        "update",
        "type",
        "to",
        "float",
        "apply",
        "fit",
    }
    tables = registry().kernel_tables
    names = {
        *(n for t in ("watched_methods", "fit_methods", "changing_methods", "continuation_args") for n in getattr(tables, t)),
        *(n for t in ("loading_methods", "saving_methods", "initialisers", "state_methods") for n in getattr(tables, t)),
        *tables.bases,
    } - common  # fmt: skip
    dunder = {n for n in names if n.startswith("__")}
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}"
        for path in sorted(ROOT.rglob("*.py"))
        if "libraries" not in path.parts and path.name != "interrupts.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names - dunder
    ]
    assert wrong == []


def test_a_table_is_sent_in_the_same_order_each_time() -> None:
    assert isinstance(registry().kernel_tables, KernelTables)
    methods = registry().kernel_tables.watched_methods
    assert list(methods) == sorted(methods)
