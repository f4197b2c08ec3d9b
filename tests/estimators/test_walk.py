"""Every estimator of scikit-learn, walked through its life in a real kernel, and the score as a table."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import Struct

from tests.support import pythons
from tests.support.kernels import KernelProcess
from tests.support.scenarios import Record, WatchProcess

STEPS = Path(__file__).with_name("steps.py")

ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""On so few data more threads only wait for one another."""

LEFT_OUT: dict[str, str] = {}
"""Estimators that are not walked, by name, with the reason."""

MOST_UNKNOWN = 0.02
EXPLAINED: dict[tuple[str, str], str] = {}
"""(step, reason that the evidence gives) of each ``unknown``: why nobody could tell, either."""

RIGHT, UNKNOWN, WRONG, FALSE_ALARM = "right", "unknown", "wrong", "false alarm"
GLYPHS = {RIGHT: "+", UNKNOWN: "?", WRONG: "X", FALSE_ALARM: "!"}
COLUMNS = (
    *("create", "fit", "refit", "use", "cross", "fit_transform", "fit_predict", "params", "part's", "pickle"),
    *("use copy", "deepcopy", "clone", "itself", "partial", "partial 2", "warm", "warm fit", "warm fit 2"),
    *("idle", "anew", "anew 2", "delete"),
)


class Row(Struct, frozen=True):
    """What was said of one step of one estimator."""

    estimator: str
    step: str
    cell: str
    score: str
    told: str = ""
    """What was said where that was not right, with its evidence."""


def score(estimator: str, step: str, cell: str, label: dict[str, list[str]], record: Record) -> Row:
    """Holds one run's record against its label."""
    if record["status"] != "ok":
        return Row(estimator, step, cell, WRONG, f"the cell ended with status {record['status']}")
    found = {_called(c): c for c in record["changes"]}
    problems: dict[str, list[str]] = {}
    for name, verdicts in label.items():
        change = found.get(name, {"verdict": "untouched", "learned": "same", "evidence": []})
        if not {change["verdict"], f"{change['verdict']} {change['learned']}"}.intersection(verdicts):
            kind = UNKNOWN if change["verdict"] == "unknown" else WRONG
            problems.setdefault(kind, []).append(_sentence(name, change, verdicts))
    for name in found.keys() - label.keys():
        problems.setdefault(FALSE_ALARM, []).append(_sentence(name, found[name], ["untouched"]))
    for kind in (FALSE_ALARM, WRONG, UNKNOWN):
        if kind in problems:
            return Row(estimator, step, cell, kind, "; ".join(s for told in problems.values() for s in told))
    return Row(estimator, step, cell, RIGHT)


def _called(change: Record) -> str:
    """Its name; one inside a call is told apart from a global one of the same name."""
    name: str = change["name"]
    return name if change["scope"] == "global" else f"{change['scope']} {name}"


def _sentence(name: str, change: Record, wanted: list[str]) -> str:
    evidence = ", ".join(change["evidence"])
    return f"{name} is {change['verdict']} {change['learned']}, should be {' or '.join(wanted)} ({evidence})"


class Walked(NamedTuple):
    """A notebook that was played, and what was said of it."""

    notebook: dict[str, Any]
    rows: list[Row]


def walk(folder: Path, python: str) -> Walked:
    """Plays the whole notebook in that interpreter."""
    told = subprocess.run(
        [python, str(STEPS)],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **ALONE},
    )
    notebook: dict[str, Any] = json.loads(told.stdout)
    with KernelProcess(folder, python, env=ALONE) as kernel:
        for cell in notebook["setup"]:
            assert kernel.run(cell)["status"] == "ok"
        watching = WatchProcess(kernel.connection_file)
        try:
            watching.wait_attached(1)
            played = []
            for estimator, steps in notebook["walks"].items():
                asked = [(estimator, *step, kernel.queue(step[1])) for step in steps]
                played += [(*ask, kernel.wait(ask[-1])["execution_count"]) for ask in asked]
            watching.wait_run(1, played[-1][-1])
        finally:
            said = watching.stop()
    assert "Traceback" not in said, said
    assert watching.records_of("between") == [], "nothing changes but by a cell"
    records = {r["execution_count"]: r for r in watching.records_of("execution")}
    rows = [score(e, step, cell, label, records[count]) for e, step, cell, label, _, count in played]
    return Walked(notebook, rows)


def table(rows: list[Row]) -> str:
    """Estimator × step, a glyph each; then every row that is not right, then the totals."""
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        cells.setdefault(row.estimator, {})[row.step] = GLYPHS[row.score]
    width = max(map(len, cells))
    lines = [f"{number:>2} {step}" for number, step in enumerate(COLUMNS, 1)]
    lines.append(", ".join(f"{glyph} {word}" for word, glyph in GLYPHS.items()) + ", · no such step")
    lines.append(" " * width + "  " + " ".join(f"{number:<2}" for number in range(1, len(COLUMNS) + 1)))
    for estimator, found in cells.items():
        lines.append(f"{estimator:{width}}  " + " ".join(f"{found.get(c, '·'):<2}" for c in COLUMNS).rstrip())
    lines += [f"{r.estimator}, {r.step}: {r.score}: {r.cell!r}: {r.told}" for r in rows if r.score != RIGHT]
    counts = Counter(r.score for r in rows)
    lines.append(", ".join(f"{counts[s]} {s}" for s in GLYPHS) + f" of {len(rows)} rows")
    return "\n".join(lines)


@pytest.mark.long
@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
def test_every_estimator_is_told_right(
    python: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    walked = walk(tmp_path, python)
    rows = walked.rows
    left_out = walked.notebook["left_out"]
    told = f"scikit-learn {walked.notebook['sklearn']}\n{table(rows)}\nleft out: {left_out or 'none'}"
    record_property("table", told)  # printed at the end of the session
    assert {r.estimator.rstrip("'") for r in rows} | left_out.keys() == set(walked.notebook["found"])
    assert left_out == LEFT_OUT
    assert [r for r in rows if r.score in (WRONG, FALSE_ALARM)] == []
    unknown = [r for r in rows if r.score == UNKNOWN]
    assert [r for r in unknown if not any(r.step == s and t in r.told for s, t in EXPLAINED)] == []
    assert len(unknown) <= MOST_UNKNOWN * len(rows)
