"""Changes a recording at random places: it is refused in a sentence or shown, and never crashes the app."""

from __future__ import annotations

import asyncio
import io
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernelscope.errors import RecordingError
from kernelscope.export.lines import JsonLines, PlainLines
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.timeline.timeline import Timeline
from kernelscope.tui.state.grid_cells import paint, paint_prelude
from kernelscope.tui.state.view_state import ViewState
from kernelscope.tui.views.cell_lines import cell_line
from kernelscope.tui.views.cost_lines import cost_lines
from kernelscope.tui.views.diff_lines import diff_lines
from kernelscope.tui.views.evidence_lines import evidence_lines
from kernelscope.tui.views.header import banner_line, header_line, legend_line
from kernelscope.tui.views.inspector import inspector_lines
from kernelscope.tui.views.sentence import sentence_lines
from tests.support.script import churn

TRIES = 60
STRIDE = 7
"""Only every so many moments are viewed."""
PUT: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**9,
    2**62,
    1e300,
    "",
    "x" * 5_000,
    "reset",
    "\x1b[2J",
    [],
    {},
    [1],
    {"a": 1},
)


@pytest.fixture(scope="module")
def recording_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The recording of the scripted session."""
    path = tmp_path_factory.mktemp("whole") / "a.kscope"
    timeline, recorder = Timeline(), Recorder(path, lambda why: pytest.fail(why))
    for event in churn().events:
        recorder(timeline.apply(event))
    recorder.close()
    return path.read_bytes()


def replacements(value: Any) -> Iterator[Callable[[Any], None]]:
    """Yield functions that each replace one value in a document."""
    for key in range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ():
        yield lambda put, key=key: value.__setitem__(key, put)  # type: ignore[misc]
        yield from replacements(value[key])


def change_one_value(path: Path, chance: random.Random) -> str:
    """Replace one value in an event, in its judgements, or in the description of the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        table, column = chance.choice(
            [("events", "body"), ("events", "judgements"), ("events", "sources"), ("about", "body")]
        )
        (rowid, text) = chance.choice(database.execute(f"SELECT rowid, {column} FROM {table}").fetchall())
        documents = [json.loads(text)]
        place, put = chance.choice(list(replacements(documents))), chance.choice(PUT)
        place(put)
        database.execute(
            f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (json.dumps(documents[0]), rowid)
        )
    return f"{table}.{column} {rowid}: {put!r:.30} in {text:.200}"


def show_everything(path: Path, *, rejudge: bool) -> None:
    """Show everything that a recording contains."""
    source = RecordingSource(path, rejudge=rejudge)
    session = Session(source)
    session.listen(PlainLines(io.StringIO()))
    session.listen(JsonLines(session.view, io.BytesIO()))
    about = source.about()
    asyncio.run(session.run())
    view = ViewState(session.timeline, at_rest=True)
    view.about = about
    for _ in range(len(session.timeline.moments) // STRIDE):
        view.playback.step(-STRIDE)
        view.update()
        look(view)
    view.playback.end()
    view.update()
    for number in range(len(view.lines)):
        view.move_lines(-1_000)
        view.move_lines(number)
        view.unfold(open_=True)
        for column in range(number % STRIDE, view.columns.count, STRIDE):
            view.go_to(column)
            look(view)


def look(view: ViewState) -> None:
    header_line(view, 120)
    banner_line(view)
    legend_line(120, view.timeline.verdicts)
    sentence_lines(view)
    inspector_lines(view)
    cost_lines(view)
    if view.row is not None:
        diff_lines(view, 100, show_equal=True)
        for tab in ("happened", "parameters", "learned", "cell", "generations"):
            evidence_lines(view, tab)
    for line in view.lines:
        paint(view.timeline, line.key, view.columns, 0, view.columns.count)
        paint_prelude(view.timeline, line.key, view.columns)
    for cell in view.timeline.cells():
        cell_line(cell, 100, Forecaster(view.timeline))


@pytest.mark.fault(81)
@pytest.mark.parametrize("seed", range(2))
def test_a_recording_changed_anywhere_is_refused_or_shown(
    recording_bytes: bytes, tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    chance, path = random.Random(seed), tmp_path / "a.kscope"
    refused = unsafe = 0
    for _ in range(TRIES):
        path.write_bytes(recording_bytes)
        what = change_one_value(path, chance)
        try:
            show_everything(path, rejudge=chance.random() < 0.3)
        except RecordingError as error:
            refused += 1
            unsafe += not f"{error.title} {error.hint}".isprintable()
        except Exception as error:
            raise AssertionError(what) from error
    assert 0 < refused < TRIES
    assert not unsafe
    record_property("table", f"{TRIES} changed recordings: {refused} refused, the rest shown")
