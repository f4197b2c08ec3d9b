"""Tests that a replay gives what was recorded, and that other files are refused."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernelscope import __version__
from kernelscope.domain.changes import Verdict
from kernelscope.domain.events import Detached, Event, KernelChanged, Observed, ReplayedEvent, Waiting
from kernelscope.domain.facts import Observation
from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import About
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.storage.schema import APPLICATION_ID, VERSION
from kernelscope.timeline.timeline import Timeline, Update
from kernelscope.timeline.view import TimelineView
from tests.support.facts import attach_event, model
from tests.support.recordings import events_in
from tests.support.script import ScriptedSource, Story, churn
from tests.timeline.test_properties import streams

WRITTEN = sorted((Path(__file__).parent / "written").glob("*.kscope"))
"""A recording of the scripted session in each version of the format."""


def fail_on_message(why: str) -> None:
    raise AssertionError(why)


def encode_moments(timeline: Timeline) -> bytes:
    return msgspec.json.encode(list(timeline.moments))


async def record(path: Path) -> Timeline:
    """Record the scripted session in this file."""
    session = Session(ScriptedSource([*churn().events, Detached("over")]))
    recorder = Recorder(path, fail_on_message)
    session.listen(recorder)
    await session.run()
    recorder.close()
    return session.timeline


async def replay(path: Path) -> Timeline:
    session = Session(RecordingSource(path))
    await session.run()
    return session.timeline


async def test_a_replay_builds_the_recorded_timeline(tmp_path: Path) -> None:
    live = await record(tmp_path / "a.kscope")
    again = await replay(tmp_path / "a.kscope")

    assert len(live.moments) > 10
    assert encode_moments(again) == encode_moments(live)
    assert again.ended == "over"


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.integers(0, 2))
def test_any_replayed_session_is_the_same_stored_or_rejudged(
    looks: list[Observation], history_length: int
) -> None:
    live = Timeline()
    history, later = looks[:history_length], looks[history_length:]
    runs = sum(look.run is not None for look in history)
    events: list[Event] = [
        attach_event({"m": model(1)}, count=runs, history=history),
        *(Observed(1, look) for look in later),
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.kscope"
        recorder = Recorder(path, fail_on_message)
        for event in events:
            recorder(live.apply(event))
        recorder.close()
        for rejudge in (False, True):
            again = Timeline()
            for replayed in asyncio.run(all_of(RecordingSource(path, rejudge=rejudge))):
                again.apply(replayed)
            assert encode_moments(again) == encode_moments(live)
            assert [TimelineView(again).track(row.name) for row in TimelineView(again).rows()] == [
                TimelineView(live).track(row.name) for row in TimelineView(live).rows()
            ]
            assert again.names == live.names
            assert again.trained == live.trained


async def all_of(source: RecordingSource) -> list[Event | ReplayedEvent]:
    return [event async for event in source.events()]


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_a_file_of_every_version_opens_and_is_not_changed(file: Path) -> None:
    before = file.read_bytes()
    again = asyncio.run(replay(file))
    assert verdicts(again) == verdicts(churn().timeline())
    assert again.ended == "over"
    assert file.read_bytes() == before


def test_there_is_a_file_of_every_version() -> None:
    assert {file.stem for file in WRITTEN} == {str(number) for number in range(1, VERSION + 1)}


def verdicts(timeline: Timeline) -> list[tuple[int, int, list[tuple[str, Verdict]]]]:
    return [(m.epoch, m.execution_count, [(c.name, c.verdict) for c in m.changes]) for m in timeline.moments]


async def test_stored_verdicts_are_shown_unless_rejudging_is_requested(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.kscope"
    await record(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            """UPDATE events SET judgements = replace(judgements, '"refitted"', '"continued"')"""
        )
    stored, rejudged = await replay(path), Timeline()
    for event in await all_of(RecordingSource(path, rejudge=True)):
        rejudged.apply(event)
    assert Verdict.REFITTED not in stored.verdicts
    assert Verdict.REFITTED in rejudged.verdicts


async def test_the_source_of_a_cell_is_stored_once_however_often_it_ran(tmp_path: Path) -> None:
    story, path = Story(), tmp_path / "a.kscope"
    story.attach()
    for _ in range(5):
        story.run("x" * 50_000_000)
    recorder, timeline = Recorder(path, fail_on_message), Timeline()
    for event in story.events:
        recorder(timeline.apply(event))
    recorder.close()
    assert path.stat().st_size < 2 * 65_536
    again = await replay(path)
    assert encode_moments(again) == encode_moments(timeline)


def test_a_recording_describes_itself(tmp_path: Path) -> None:
    path, hours = tmp_path / "a.kscope", iter((3_600.0, 7_200.0))
    recorder, timeline = Recorder(path, fail_on_message, clock=lambda: next(hours)), Timeline()
    assert RecordingSource(path).about() == About(__version__, started=3_600.0)
    for event in churn().events:
        recorder(timeline.apply(event))
    assert RecordingSource(path).about().ended is None
    recorder.close()
    about = RecordingSource(path).about()
    assert about == About(__version__, started=3_600.0, ended=7_200.0, kernel=TimelineView(timeline).kernel)
    assert about.kernel is not None
    assert about.kernel.notebook == "/home/ada/work/churn.ipynb"


async def test_a_reader_follows_a_recording_until_it_is_closed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, fail_on_message)
    recorder(Update(Waiting("before")))
    events: list[Event | ReplayedEvent] = []
    async for event in RecordingSource(path, follow=True).events():
        events.append(event)
        if event == Waiting("before"):
            recorder(Update(Waiting("meanwhile")))
        if event == Waiting("meanwhile"):
            recorder.close()
    assert events == [Waiting("before"), Waiting("meanwhile"), Detached("the recording ends here")]


async def test_a_reader_of_many_events_lets_the_writer_finish(tmp_path: Path) -> None:
    """There are more than one read returns: the writer ends while the reader is at the first."""
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, fail_on_message)
    recorder.write(Update(Waiting(str(number))) for number in range(10_000))
    read = RecordingSource(path).events()
    first = await anext(read)
    recorder.close()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208 - it does not block
    assert len([first, *[event async for event in read]]) == 10_001


@pytest.mark.parametrize("detached", [True, False])
async def test_only_a_cell_that_still_ran_at_the_end_is_recorded_of_the_signs_of_life(
    tmp_path: Path, detached: bool
) -> None:
    path, story = tmp_path / "a.kscope", Story()
    story.attach()
    for _ in range(3):
        story.kernel("busy")
        story.run("pass")
        story.kernel("idle")
    story.kernel("busy")
    recorder, live = Recorder(path, fail_on_message), Timeline()
    for event in (*story.events, *([Detached("on request")] if detached else [])):
        recorder(live.apply(event))
    recorder.close()
    events = await events_in(path)
    assert [event for event in events if isinstance(event, KernelChanged)] == [KernelChanged(1, "busy")]
    assert events[-1] == Detached("on request" if detached else "the recording ends here")
    assert (await replay(path)).state == "busy"


async def test_another_reader_sees_every_event_as_soon_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, fail_on_message)
    for number in range(3):
        recorder(Update(Waiting(f"reason {number}")))
        events = await events_in(path)
        assert events[:-1] == [Waiting(f"reason {n}") for n in range(number + 1)]
        assert events[-1] == Detached("the recording ends here")
    recorder.close()


async def test_only_its_owner_can_read_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    await record(path)
    assert path.stat().st_mode & 0o077 == 0


async def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    await record(path)
    before = path.read_bytes()
    await replay(path)
    assert path.read_bytes() == before


@pytest.mark.fault(81)
async def test_text_of_a_stranger_s_file_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, fail_on_message)
    recorder(Update(Waiting("\x1b]0;owned\x07")))
    recorder.close()
    [event, _] = await events_in(path)
    assert event == Waiting(r"\x1b]0;owned\x07")


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("years of work")
    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path, fail_on_message)
    assert path.read_text() == "years of work"


def test_a_file_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be written"):
        Recorder(tmp_path / "no such folder" / "a.kscope", fail_on_message)


def test_a_failure_to_write_ends_the_recording_and_is_reported_once(tmp_path: Path) -> None:
    path, messages = tmp_path / "a.kscope", list[str]()
    recorder = Recorder(path, messages.append)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE events")
    other.close()

    recorder(Update(Waiting("first")))
    recorder(Update(Waiting("second")))

    assert len(messages) == 1
    assert "no such table" in messages[0]


async def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as refused:
        await replay(path)
    assert refused.value.exit_code == 5
    return refused.value.hint


async def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    assert "no such file" in await refusal(tmp_path / "none")
    assert "directory" in await refusal(tmp_path)
    (text := tmp_path / "text").write_text("not a database, but long enough to be asked for a header" * 20)
    assert "not a database" in await refusal(text)
    (tmp_path / "empty").touch()
    assert "empty" in await refusal(tmp_path / "empty")


async def test_a_newer_version_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "newer"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    hint = await refusal(path)
    assert str(VERSION) in hint
    assert str(VERSION + 1) in hint


async def test_a_damaged_event_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    await record(path)
    database = sqlite3.connect(path)
    database.execute('UPDATE events SET body = \'{"type": "lost", "epoch": "x"}\' WHERE seq = 2')
    database.commit()
    database.close()
    hint = await refusal(path)
    assert "event 2" in hint
    assert "epoch" in hint
