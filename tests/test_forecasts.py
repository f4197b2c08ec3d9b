"""Forecasts held against what then happened, end to end: where one speaks it must be right."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import pythons
from tests.support.foreseen import Compared, lives, played, twice
from tests.support.scenarios import labelled_notebooks

HERE = Path(__file__).parent
NOTEBOOKS = tomllib.loads((HERE / "forecasts" / "notebooks.toml").read_text(encoding="utf-8"))["notebook"]
LABELLED = {
    f"{name} {number}": cells
    for name, scenario in labelled_notebooks().items()
    if name.startswith(("founding:", "identity:"))
    or name.endswith(
        (":list-of-models", ":nested-pipeline", ":warm-starts", ":saving-in-functions", ":copies-more")
    )
    for number, cells in enumerate(lives(scenario), 1)
    if cells
}


def refuted(told: list[Compared]) -> list[Compared]:
    """Forecasts that were wrong; and what happened though the forecast, without any doubt, left it out."""
    return [c for c in told if c.kind == "wrong" or (c.kind == "missed" and c.sure)]


@pytest.mark.parametrize("python", pythons.ends(), ids=pythons.folder)
@pytest.mark.parametrize("cells", LABELLED.values(), ids=LABELLED.keys())
def test_each_cell_of_a_labelled_notebook_does_what_was_foreseen(
    cells: list[str], python: str, tmp_path: Path
) -> None:
    told = played(twice(cells), tmp_path, python)

    assert refuted(told) == []


@pytest.mark.parametrize("python", pythons.ends(), ids=pythons.folder)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: str(notebook["id"]))
def test_no_forecast_is_wrong_and_most_speak(notebook: dict[str, Any], python: str, tmp_path: Path) -> None:
    cells = ordered(notebook["cells"])

    told = played(twice(cells) if notebook["twice"] else cells, tmp_path, python)

    kinds = Counter(c.kind for c in told)
    assert refuted(told) == []
    assert kinds["right"] > len(told) / 2, kinds  # one that never spoke would never be wrong


def ordered(entries: list[str | int]) -> list[str]:
    """The sources in the order in which they run; a number is an earlier entry's."""
    told: list[str] = []
    for entry in entries:
        told.append(entry if isinstance(entry, str) else told[entry - 1])
    return told
