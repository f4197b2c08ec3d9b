"""Tests exporting a session to a file: the file is complete or not written, in every format."""

from __future__ import annotations

import asyncio
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from kernelscope.domain.events import Event, Observed, ReplayedEvent
from kernelscope.domain.facts import Observation
from kernelscope.errors import ExportError
from kernelscope.export.files import FORMS, SUFFIXES, Form, write, write_file
from kernelscope.export.lines import JsonLines
from kernelscope.protocol.records import change_record
from kernelscope.session import Session
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.support.facts import attach_event, model
from tests.support.script import churn
from tests.timeline.test_properties import streams


def play_session() -> Session:
    story = churn()
    story.end()
    session = Session(story.source())
    asyncio.run(session.run())
    return session


def export_to_bytes(session: Session, form: Form) -> bytes:
    out = io.BytesIO()
    write(session.view, session.past, form, out)
    assert not out.closed
    return out.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_has_what_standard_output_would_have(form: Form, tmp_path: Path) -> None:
    session, path = play_session(), tmp_path / f"churn.{SUFFIXES[form]}"
    write_file(session.view, session.past, form, path)
    assert path.read_bytes() == export_to_bytes(session, form)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_records_are_those_that_watch_writes() -> None:
    timeline, out = Timeline(), io.BytesIO()
    lines = JsonLines(TimelineView(timeline), out)
    story = churn()
    story.end()
    for event in story.events:
        lines(timeline.apply(event))
    assert export_to_bytes(play_session(), "jsonl") == out.getvalue()


@pytest.mark.proof
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(streams())
def test_an_exported_file_has_the_changes_of_the_session(looks: list[Observation]) -> None:
    events: list[Event] = [attach_event({"m": model(1)}), *(Observed(1, look) for look in looks)]
    timeline, past = Timeline(), []
    for event in events:
        update = timeline.apply(event)
        past.append(ReplayedEvent(update.event, update.judgements))
    out = io.BytesIO()
    write(TimelineView(timeline), past, "jsonl", out)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    changes = [
        c for record in records if record["type"] in ("execution", "between") for c in record["changes"]
    ]
    expected = [change_record(c) for moment in timeline.moments for c in moment.changes]
    assert changes == json.loads(json.dumps(expected))


def test_a_failing_export_leaves_the_existing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, path = play_session(), tmp_path / "churn.html"
    path.write_text("the last one")

    def fail(self: TimelineView) -> Iterator[None]:
        raise MemoryError

    monkeypatch.setattr(TimelineView, "rows", fail)
    with pytest.raises(MemoryError):
        write_file(session.view, session.past, "html", path)
    assert path.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_place_is_reported(tmp_path: Path) -> None:
    session = play_session()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "a.csv", tmp_path / "folder"):
        with pytest.raises(ExportError, match="cannot be written") as refused:
            write_file(session.view, session.past, "csv", path)
        assert refused.value.exit_code == 5
        assert refused.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
