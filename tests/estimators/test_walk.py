"""Walks every estimator of scikit-learn through its life in a real kernel, and prints the score as a table."""

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
"""With so little data more threads only wait for one another."""

LEFT_OUT: dict[str, str] = {}
"""Estimators that are not walked, by name, with the reason."""

MOST_UNKNOWN = 0.02
EXPLAINED: dict[tuple[str, str], str] = {}
"""(step, reason in the evidence) of each accepted ``unknown``, which no observer could decide."""

RIGHT, UNKNOWN, WRONG, FALSE_ALARM = "right", "unknown", "wrong", "false alarm"
GLYPHS = {RIGHT: "+", UNKNOWN: "?", WRONG: "X", FALSE_ALARM: "!"}
COLUMNS = (
    *("create", "fit", "refit", "use", "cross", "fit_transform", "fit_predict", "params", "part's", "pickle"),
    *("use copy", "deepcopy", "clone", "itself", "partial", "partial 2", "warm", "warm fit", "warm fit 2"),
    *("idle", "recreate", "recreate 2", "delete"),
)


class Row(Struct, frozen=True):
    """The score of one step of one estimator."""

    estimator: str
    step: str
    cell: str
    score: str
    report: str = ""
    """What was reported if it was wrong, with its evidence."""


def score(estimator: str, step: str, cell: str, label: dict[str, list[str]], record: Record) -> Row:
    """Compare one run's record with its label."""
    if record["status"] != "ok":
        return Row(estimator, step, cell, WRONG, f"the cell ended with status {record['status']}")
    changes = {_label_name(c): c for c in record["changes"]}
    problems: dict[str, list[str]] = {}
    for name, verdicts in label.items():
        change = changes.get(name, {"verdict": "untouched", "learned": "same", "evidence": []})
        if not {change["verdict"], f"{change['verdict']} {change['learned']}"}.intersection(verdicts):
            kind = UNKNOWN if change["verdict"] == "unknown" else WRONG
            problems.setdefault(kind, []).append(_sentence(name, change, verdicts))
    for name in changes.keys() - label.keys():
        problems.setdefault(FALSE_ALARM, []).append(_sentence(name, changes[name], ["untouched"]))
    for kind in (FALSE_ALARM, WRONG, UNKNOWN):
        if kind in problems:
            return Row(
                estimator, step, cell, kind, "; ".join(s for texts in problems.values() for s in texts)
            )
    return Row(estimator, step, cell, RIGHT)


def _label_name(change: Record) -> str:
    """Return its name; one inside a call differs from a global one of the same name."""
    name: str = change["name"]
    return name if change["scope"] == "global" else f"{change['scope']} {name}"


def _sentence(name: str, change: Record, wanted: list[str]) -> str:
    evidence = ", ".join(change["evidence"])
    return f"{name} is {change['verdict']} {change['learned']}, should be {' or '.join(wanted)} ({evidence})"


class WalkResult(NamedTuple):
    """A played notebook and its scores."""

    notebook: dict[str, Any]
    rows: list[Row]


def walk(folder: Path, python: str) -> WalkResult:
    """Play the whole notebook in this interpreter."""
    done = subprocess.run(
        [python, str(STEPS)],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **ALONE},
    )
    notebook: dict[str, Any] = json.loads(done.stdout)
    with KernelProcess(folder, python, env=ALONE) as kernel:
        for cell in notebook["setup"]:
            assert kernel.run(cell)["status"] == "ok"
        watcher = WatchProcess(kernel.connection_file)
        try:
            watcher.wait_attached(1)
            runs = []
            for estimator, steps in notebook["walks"].items():
                queued = [(estimator, *step, kernel.queue(step[1])) for step in steps]
                runs += [(*ask, kernel.wait(ask[-1])["execution_count"]) for ask in queued]
            watcher.wait_run(1, runs[-1][-1])
        finally:
            errors = watcher.stop()
    assert "Traceback" not in errors, errors
    assert watcher.records_of("between") == [], "only cells change anything"
    records = {r["execution_count"]: r for r in watcher.records_of("execution")}
    rows = [score(e, step, cell, label, records[count]) for e, step, cell, label, _, count in runs]
    return WalkResult(notebook, rows)


def table(rows: list[Row]) -> str:
    """Return a table with a glyph for each estimator and step, every row that is not right, and the totals."""
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        cells.setdefault(row.estimator, {})[row.step] = GLYPHS[row.score]
    width = max(map(len, cells))
    lines = [f"{number:>2} {step}" for number, step in enumerate(COLUMNS, 1)]
    lines.append(", ".join(f"{glyph} {word}" for word, glyph in GLYPHS.items()) + ", · no such step")
    lines.append(" " * width + "  " + " ".join(f"{number:<2}" for number in range(1, len(COLUMNS) + 1)))
    for estimator, glyphs in cells.items():
        lines.append(
            f"{estimator:{width}}  " + " ".join(f"{glyphs.get(c, '·'):<2}" for c in COLUMNS).rstrip()
        )
    lines += [f"{r.estimator}, {r.step}: {r.score}: {r.cell!r}: {r.report}" for r in rows if r.score != RIGHT]
    counts = Counter(r.score for r in rows)
    lines.append(", ".join(f"{counts[s]} {s}" for s in GLYPHS) + f" of {len(rows)} rows")
    return "\n".join(lines)


@pytest.mark.long
@pytest.mark.parametrize("python", pythons.oldest_and_newest(), ids=pythons.environment_name)
def test_every_estimator_is_reported_right(
    python: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    walked = walk(tmp_path, python)
    rows = walked.rows
    left_out = walked.notebook["left_out"]
    report = f"scikit-learn {walked.notebook['sklearn']}\n{table(rows)}\nleft out: {left_out or 'none'}"
    record_property("table", report)  # printed at the end of the session
    assert {r.estimator.rstrip("'") for r in rows} | left_out.keys() == set(walked.notebook["classes"])
    assert left_out == LEFT_OUT
    assert [r for r in rows if r.score in (WRONG, FALSE_ALARM)] == []
    unknown = [r for r in rows if r.score == UNKNOWN]
    assert [r for r in unknown if not any(r.step == s and t in r.report for s, t in EXPLAINED)] == []
    assert len(unknown) <= MOST_UNKNOWN * len(rows)
