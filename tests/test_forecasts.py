"""Compares forecasts with what then happened, end to end: one that names a verdict must be right."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import pythons
from tests.support.forecasts import Comparison, cells_by_kernel, play, repeat_each
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
    for number, cells in enumerate(cells_by_kernel(scenario), 1)
    if cells
}


def wrong_forecasts(comparisons: list[Comparison]) -> list[Comparison]:
    """Return wrong forecasts, and changes that a certain forecast did not mention."""
    return [c for c in comparisons if c.kind == "wrong" or (c.kind == "missed" and c.sure)]


@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
@pytest.mark.parametrize("cells", LABELLED.values(), ids=LABELLED.keys())
def test_each_cell_of_a_labelled_notebook_does_what_was_forecast(
    cells: list[str], python: str, tmp_path: Path
) -> None:
    comparisons = play(repeat_each(cells), tmp_path, python)

    assert wrong_forecasts(comparisons) == []


@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: str(notebook["id"]))
def test_no_forecast_is_wrong_and_most_name_a_verdict(
    notebook: dict[str, Any], python: str, tmp_path: Path
) -> None:
    cells = sources_in_order(notebook["cells"])

    comparisons = play(repeat_each(cells) if notebook["twice"] else cells, tmp_path, python)

    kinds = Counter(c.kind for c in comparisons)
    assert wrong_forecasts(comparisons) == []
    assert kinds["right"] > len(comparisons) / 2, kinds  # a forecast that names no verdict is never wrong


def sources_in_order(entries: list[str | int]) -> list[str]:
    """Return the sources in the order in which they run; a number runs an earlier entry again."""
    cells: list[str] = []
    for entry in entries:
        cells.append(entry if isinstance(entry, str) else cells[entry - 1])
    return cells
