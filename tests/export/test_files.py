"""A session that is handed on: whole files or none, in every form."""

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


def played() -> Session:
    story = churn()
    story.end()
    session = Session(story.source())
    asyncio.run(session.run())
    return session


def exported(session: Session, form: Form) -> bytes:
    out = io.BytesIO()
    write(session.view, session.past, form, out)
    assert not out.closed
    return out.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_holds_what_standard_output_would(form: Form, tmp_path: Path) -> None:
    session, path = played(), tmp_path / f"churn.{SUFFIXES[form]}"
    write_file(session.view, session.past, form, path)
    assert path.read_bytes() == exported(session, form)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_records_are_those_that_watch_writes() -> None:
    timeline, out = Timeline(), io.BytesIO()
    lines = JsonLines(TimelineView(timeline), out)
    story = churn()
    story.end()
    for event in story.events:
        lines(timeline.apply(event))
    assert exported(played(), "jsonl") == out.getvalue()


@pytest.mark.proof
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(streams())
def test_what_is_read_again_has_the_changes_that_were_seen(looks: list[Observation]) -> None:
    events: list[Event] = [attach_event({"m": model(1)}), *(Observed(1, look) for look in looks)]
    timeline, past = Timeline(), []
    for event in events:
        update = timeline.apply(event)
        past.append(ReplayedEvent(update.event, update.judgements))
    out = io.BytesIO()
    write(TimelineView(timeline), past, "jsonl", out)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    changes = [c for record in told if record["type"] in ("execution", "between") for c in record["changes"]]
    seen = [change_record(c) for moment in timeline.moments for c in moment.changes]
    assert changes == json.loads(json.dumps(seen))


def test_what_goes_wrong_leaves_the_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, path = played(), tmp_path / "churn.html"
    path.write_text("the last one")

    def broken(self: TimelineView) -> Iterator[None]:
        raise MemoryError

    monkeypatch.setattr(TimelineView, "rows", broken)
    with pytest.raises(MemoryError):
        write_file(session.view, session.past, "html", path)
    assert path.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    session = played()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "a.csv", tmp_path / "folder"):
        with pytest.raises(ExportError, match="cannot be written") as refused:
            write_file(session.view, session.past, "csv", path)
        assert refused.value.exit_code == 5
        assert refused.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
