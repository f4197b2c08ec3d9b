"""Plays the notebooks and compares what ``watch --json`` writes with the golden files.

Where a difference is wanted, ``python -m tests.golden`` writes the files again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from tests.golden import files
from tests.golden.notebooks import Case, cases, python_for
from tests.golden.playing import PLAYS, play
from tests.golden.rendering import Line
from tests.support.scenarios import label_problems
from tests.test_scenarios import SCENARIOS

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


def _parameters() -> list[ParameterSet]:
    planned = sorted(cases(), key=lambda case: (case.version, case.notebook.imported or ()))
    return [
        pytest.param(
            case,
            id=f"{case.notebook.name}-py{case.version}",
            marks=[pytest.mark.frameworks] if case.notebook.is_heavy else [],
        )
        for case in planned
    ]


@pytest.mark.parametrize("case", _parameters())
def test_a_notebook_meets_its_labels_and_matches_its_golden_files(case: Case) -> None:
    notebook, version = case.notebook, case.version
    python = python_for(case)
    if python is None:
        pytest.skip(f"no Python {version} has {', '.join(notebook.needs) or 'ipykernel'}")
    for _ in range(PLAYS):
        result = play(notebook, python)
        wrong = _differences(case, files.render(notebook, result))
        if notebook.name in SCENARIOS:
            wrong = [*label_problems(SCENARIOS[notebook.name], result.records), *wrong]
        if not wrong or not result.is_starved:
            break
    if wrong:
        busy = (
            f" (in each of {PLAYS} plays the machine was too busy for the probe)" if result.is_starved else ""
        )
        pytest.fail("\n".join([f"{notebook.name} in Python {version}{busy}:", *wrong]), pytrace=False)


def _differences(case: Case, rendered: Mapping[str, Sequence[Line]]) -> list[str]:
    """Return a heading for each kind of lines that differ, with the differences."""
    lines = []
    for kind, now in rendered.items():
        was = files.read(kind, case.version, case.notebook.name)
        if was is None:
            lines.append(f"there is no golden {kind}; `python -m tests.golden` writes it")
        elif differing := list(files.differences(was, now)):
            lines += [f"{kind}:", *map(str, differing)]
    return lines
