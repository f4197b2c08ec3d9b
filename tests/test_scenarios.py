"""Labelled notebooks: the verdicts that a user reads, end to end, in every Python that there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.scenarios import Scenario, play, scenarios_in

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS = dict(scenarios_in(FOLDER))
PYTHONS = [sys.executable, *filter(None, os.environ.get("KERNELSCOPE_TEST_PYTHONS", "").split(os.pathsep))]


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: Path(path).parent.parent.name)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_every_label_is_met(scenario: Scenario, python: str, tmp_path: Path) -> None:
    missing = [name for name in scenario.get("needs", ()) if not has_module(python, name)]
    if missing:
        pytest.skip(f"not installed in the kernel: {', '.join(missing)}")
    assert play(scenario, tmp_path, python) == []


def has_module(python: str, name: str) -> bool:
    """Whether that interpreter could import it."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.run([python, "-c", code, name], check=False).returncode == 0
