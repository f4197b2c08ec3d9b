"""Labelled notebooks: the verdicts that a user reads, end to end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.support.scenarios import Scenario, play, scenarios_in

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS = dict(scenarios_in(FOLDER))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_every_label_is_met(scenario: Scenario, tmp_path: Path) -> None:
    missing = [name for name in scenario.get("needs", ()) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    assert play(scenario, tmp_path, sys.executable) == []
