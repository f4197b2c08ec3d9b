"""The fault catalogue holds: every case has a test that carries its number, and a bug that still applies."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.faults import CASES, ROOT, Bug, Case, catalogue

BUGS = [
    pytest.param(case, bug, id=f"{case.number}-{i}") for case in catalogue() for i, bug in enumerate(case.bug)
]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_case_is_there_once() -> None:
    assert [case.number for case in catalogue()] == list(CASES)


@pytest.mark.parametrize("case", catalogue(), ids=lambda case: str(case.number))
def test_a_case_has_a_bug_or_a_reason(case: Case) -> None:
    assert bool(case.bug) != bool(case.left)
    assert case.left != "TODO"


@pytest.mark.parametrize(("case", "bug"), BUGS)
def test_a_bug_still_applies_and_its_test_names_the_case(case: Case, bug: Bug) -> None:
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.find) == 1
    assert bug.find != bug.put
    path, _, test = bug.test.partition("::")
    assert case.number in marked(ROOT / path).get(test, set())


@cache
def marked(path: Path) -> dict[str, set[int]]:
    """The case numbers on each test of a file."""
    tests = (n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, _FUNCTIONS))
    return {test.name: set(_numbers(test)) for test in tests}


def _numbers(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            yield from (ast.literal_eval(number) for number in mark.args)
