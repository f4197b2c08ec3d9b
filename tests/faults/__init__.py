"""The fault catalogue: what goes wrong around an observer, and the bug that each test was seen to catch.

One TOML file per group.  A case names at least one bug: a statement of kernelscope that is replaced, which brings the
fault back, and the test that fails with it (it carries the case's number: ``@pytest.mark.fault(12)``)::

    [[case]]
    number = 12
    title = "wrong key: one request only, never retried"

    [[case.bug]]
    marker = "12a"
    put = "what replaces the statement below the comment `# fault: 12a`"
    test = "tests/kernel/test_live.py::test_a_wrong_key_sends_at_most_one_request"

The marker moves with the code: ``tests.faults.anchors`` finds it in whatever file it is.  ``part = "header"`` replaces only
the header of a compound statement, ``statements = 2`` so many statements of one block.  A case that has no test gives the
reason: ``left = "the reason"``.  ``python -m tests.faults 12`` puts the bugs of case 12 back, in a copy, and reports whether
its tests fail; without a number it goes through all of them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from tests.faults.anchors import Part, find_markers, put_bug

ROOT = Path(__file__).parents[2]
CASES = range(1, 104)


class Bug(Struct, frozen=True, forbid_unknown_fields=True):
    """An edit that brings a fault back."""

    marker: str
    """The name in the comment above the statement: the case's number and a letter."""
    put: str
    """Replaces the statement, in the statement's own indentation."""
    test: str
    """The id of a test that then fails; without brackets if it is parametrized."""
    part: Part = "statement"
    statements: int = 1

    def apply(self, root: Path) -> Path:
        """Put the bug into the package below ``root``; returns the file that has it.

        Raises:
            ValueError: the marker does not stand above exactly one statement.
        """
        files = find_markers(root).get(self.marker, [])
        if len(files) != 1:
            raise ValueError(f"the marker {self.marker} is in {len(files)} places")
        source = files[0].read_text(encoding="utf-8")
        broken = put_bug(source, self.marker, self.put, self.part, self.statements)
        files[0].write_text(broken, encoding="utf-8")
        return files[0]


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault."""

    number: int
    title: str
    bug: tuple[Bug, ...] = ()
    left: str = ""
    """Why there is no test."""


@cache
def catalogue() -> tuple[Case, ...]:
    """Return every case, by number."""
    cases: list[Any] = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        cases += tomllib.loads(path.read_text(encoding="utf-8")).get("case", [])
    return tuple(sorted(convert(cases, list[Case]), key=lambda case: case.number))
