"""Checks the fault catalogue: every case has a test marked with its number, and a bug that still applies."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.faults import CASES, ROOT, Bug, Case, catalogue
from tests.faults.anchors import find_markers, put_bug

BUGS = [
    pytest.param(case, bug, id=f"{case.number}-{i}") for case in catalogue() for i, bug in enumerate(case.bug)
]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_case_exists_once() -> None:
    assert [case.number for case in catalogue()] == list(CASES)


@pytest.mark.parametrize("case", catalogue(), ids=lambda case: str(case.number))
def test_a_case_has_a_bug_or_a_reason(case: Case) -> None:
    assert bool(case.bug) != bool(case.left)
    assert case.left != "TODO"


@pytest.mark.parametrize(("case", "bug"), BUGS)
def test_a_bug_still_applies_and_its_test_names_the_case(case: Case, bug: Bug) -> None:
    (file,) = find_markers(ROOT)[bug.marker]
    source = file.read_text(encoding="utf-8")
    broken = put_bug(source, bug.marker, bug.put, bug.part, bug.statements)
    assert broken != source
    if file.suffix == ".py":
        compile(broken, str(file), "exec")
        assert unknown_names(broken) <= unknown_names(source)
    path, _, test = bug.test.partition("::")
    assert case.number in numbers_by_test(ROOT / path).get(test, set())


def test_every_marker_belongs_to_a_bug() -> None:
    assert find_markers(ROOT).keys() == {bug.marker for case in catalogue() for bug in case.bug}


@cache
def unknown_names(source: str) -> set[str]:
    """Return names that the source reads and binds nowhere: a bug that mentions renamed code has one more."""
    tree = ast.parse(source)
    read, bound = set(), set(dir(builtins))
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                read.add(node.id)
            case ast.Name() | ast.arg() | ast.alias() | ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
                bound.add(_bound_name(node))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_own(node)}
    members = {node.name for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)}
    members |= {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
    }
    members |= bound
    return (read - bound) | {f"self.{name}" for name in attributes - members}


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _bound_name(node: ast.AST) -> str:
    name = next(
        (getattr(node, field) for field in ("id", "arg", "asname", "name") if getattr(node, field, None)), ""
    )
    return str(name).partition(".")[0]


@cache
def numbers_by_test(path: Path) -> dict[str, set[int]]:
    """Return the case numbers of each test in a file."""
    tests = (n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, _FUNCTIONS))
    return {test.name: set(_numbers(test)) for test in tests}


def _numbers(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            yield from (ast.literal_eval(number) for number in mark.args)
