"""Tests the CSV export: every change has a row, columns load with sensible types, no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelscope.domain.changes import Change
from kernelscope.domain.facts import Observation
from kernelscope.export.csv_table import COLUMNS, inert, write_csv
from kernelscope.protocol.records import change_record
from kernelscope.text import clean
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.export.hostile import HOSTILE, hostile_story
from tests.support.facts import Watch, model
from tests.support.script import churn
from tests.timeline.test_properties import fast, streams, timeline_of

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
TEXTS = (
    "name",
    "whole",
    "class",
    "file",
    "call",
    "cell_id",
    "code_hash",
    "client",
    "headline",
    "explanation",
)


def rows(timeline: TimelineView) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    write_csv(timeline, out)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def load(timeline: TimelineView) -> pd.DataFrame:
    """Load the export with pandas as the module's documentation says."""
    out = io.StringIO(newline="")
    write_csv(timeline, out)
    return pd.read_csv(
        io.StringIO(out.getvalue()),
        parse_dates=["started"],
        dtype_backend="numpy_nullable",
        keep_default_na=False,
        na_values=[""],
    )


def original_text(cell: str) -> str | None:
    return cell.removeprefix("'") or None


def changes_of(lines: list[dict[str, str]]) -> dict[int, list[dict[str, Any]]]:
    """Rebuild from the rows the records of changes by moment, with their parts."""
    by_moment: dict[int, list[dict[str, Any]]] = {}
    open_: list[tuple[str | None, dict[str, Any]]] = []
    for row in lines:
        whole, change = original_text(row["whole"]), _change(row)
        if whole is None:
            by_moment.setdefault(int(row["moment"]), []).append(change)
            open_ = []
        else:
            while open_[-1][0] != whole:
                open_.pop()
            open_[-1][1].setdefault("parts", []).append(change)
        open_.append((change["name"], change))
    return by_moment


def _change(row: dict[str, str]) -> dict[str, Any]:
    stored = {
        "action": row["persistence"] or None,
        "file": original_text(row["file"]),
        "call": original_text(row["call"]),
    }
    plain = {
        key: original_text(row[key]) if key in TEXTS else row[key] or None
        for key in ("name", "verdict", "identity", "learned", "class", "id", "previous_id", "scope")
    }
    return {
        **plain,
        "certainty": row["certainty"],
        "explanation": original_text(row["explanation"]),
        "params": json.loads(row["params"]) if row["params"] else None,
        "persistence": stored if stored["action"] else None,
        "generation": int(row["generation"]) if row["generation"] else None,
        "previous_generation": int(row["previous_generation"]) if row["previous_generation"] else None,
        "fitted": {"true": True, "false": False, "": None}[row["fitted"]],
        "stale": json.loads(row["stale"]),
        "evidence": json.loads(row["evidence"]),
    }


def expected_changes(timeline: TimelineView) -> dict[int, list[dict[str, Any]]]:
    records: dict[int, list[dict[str, Any]]] = {}
    for moment in timeline.moments:
        local: tuple[Change, ...] = moment.run.local if moment.run is not None else ()
        if changes := [change_record(change) for change in (*moment.changes, *local)]:
            records[moment.index] = json.loads(json.dumps(changes))
    return records


@fast
@given(streams())
def test_given_any_session_when_written_and_read_then_the_changes_are_the_same(
    looks: list[Observation],
) -> None:
    timeline = timeline_of(looks)

    assert changes_of(rows(timeline)) == expected_changes(timeline)


def test_given_a_long_session_when_written_and_read_then_the_changes_are_the_same() -> None:
    timeline = churn().view()

    assert changes_of(rows(timeline)) == expected_changes(timeline)


def test_given_a_session_when_loaded_by_pandas_then_every_column_has_a_sensible_type() -> None:
    data = load(churn().view())

    kinds = {str(column): str(data[column].dtype) for column in data}
    assert tuple(kinds) == COLUMNS
    assert {column for column, kind in kinds.items() if kind == "Int64"} >= {
        "epoch",
        "moment",
        "execution_count",
        "rerun_of",
        "generation",
        "previous_generation",
    }
    assert kinds["fitted"] == "boolean"
    assert kinds["seconds"] == "Float64"
    assert kinds["started"].startswith("datetime64")
    assert kinds["started"].endswith("UTC]")
    assert {kinds[column] for column in ("name", "verdict", "learned", "params", "evidence")} == {"string"}
    assert data.query("verdict == 'reset'")["name"].tolist() == ["model", "model"]
    assert set(data.query("whole == 'pipe'")["name"]) == {"pipe['scale']", "pipe['clf']"}


def test_given_a_session_when_written_then_a_change_is_one_line() -> None:
    timeline = hostile_story("a\nb\r\nc\u2028d").view()
    out = io.StringIO(newline="")

    write_csv(timeline, out)

    assert len(out.getvalue().splitlines()) == 1 + len(rows(timeline))


def test_given_a_look_between_runs_when_written_then_it_has_no_run() -> None:
    watch = Watch()
    watch.run(source="x = 1")
    watch.look({"m": model(1)})

    (row,) = rows(watch.timeline)

    assert (row["kind"], row["execution_count"], row["started"], row["name"]) == ("between", "1", "", "m")


def test_given_an_empty_session_when_written_then_there_is_a_header() -> None:
    out = io.StringIO(newline="")

    write_csv(TimelineView(Timeline()), out)

    assert out.getvalue() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_text_when_written_then_no_cell_is_a_formula_and_nothing_is_lost(text: str) -> None:
    lines = rows(hostile_story(text).view())

    assert not [cell for row in lines for cell in row.values() if cell.lstrip().startswith(FORMULA)]
    assert all(cell.isprintable() for row in lines for cell in row.values())
    assert clean(text, limit=65_536) in {original_text(row["name"]) for row in lines}


@pytest.mark.parametrize("text", ["nan", "NULL", "None", "NA"])
def test_given_a_name_that_reads_like_nothing_when_loaded_then_it_is_a_name(text: str) -> None:
    assert text in load(hostile_story(text).view())["name"].tolist()


@given(st.text())
def test_given_any_text_when_made_inert_then_it_can_be_restored(text: str) -> None:
    safe = inert(text)

    assert not safe.lstrip().startswith(FORMULA[:4])
    assert safe.removeprefix("'") == text
