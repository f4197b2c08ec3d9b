"""The fault catalogue: what goes wrong around an observer, and the bug that each test was seen to catch.

One TOML file per group.  A case names at least one bug: an edit of our own code that brings the fault
back, and the test that fails with it (it carries the case's number: ``@pytest.mark.fault(12)``)::

    [[case]]
    number = 12
    title = "wrong key: one request only, never retried"

    [[case.bug]]
    in = "kernelscope/kernel/conversation.py"
    find = "the text that stands there once"
    put = "what the bug has in its place"
    test = "tests/kernel/test_live.py::test_a_wrong_key_is_asked_once_at_most"

A case that has no test says why: ``left = "the reason"``.  ``python -m tests.faults 12`` puts the bugs of
case 12 back, in a copy, and tells whether its tests fail; without a number it goes through them all.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

ROOT = Path(__file__).parents[2]
CASES = range(1, 104)


class Bug(Struct, frozen=True, forbid_unknown_fields=True, rename={"file": "in"}):
    """An edit that brings a fault back."""

    file: str
    """Relative to the repository."""
    find: str
    """Stands there exactly once."""
    put: str
    test: str
    """The id of a test, or of a parametrized test without its brackets, that then fails."""


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault."""

    number: int
    title: str
    bug: tuple[Bug, ...] = ()
    left: str = ""
    """Why there is no test."""


@cache
def catalogue() -> tuple[Case, ...]:
    """Every case, by number."""
    found: list[Any] = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        found += tomllib.loads(path.read_text(encoding="utf-8")).get("case", [])
    return tuple(sorted(convert(found, list[Case]), key=lambda case: case.number))
