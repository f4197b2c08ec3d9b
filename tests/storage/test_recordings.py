"""A recording gives back what was recorded, and what is none is refused."""

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
"""A file for each version of the form, of the scripted session."""


def unexpected(why: str) -> None:
    raise AssertionError(why)


def said(timeline: Timeline) -> bytes:
    return msgspec.json.encode(list(timeline.moments))


async def recorded(path: Path) -> Timeline:
    """The scripted session, in this file."""
    session = Session(ScriptedSource([*churn().events, Detached("over")]))
    recorder = Recorder(path, unexpected)
    session.listen(recorder)
    await session.run()
    recorder.close()
    return session.timeline


async def replayed(path: Path) -> Timeline:
    session = Session(RecordingSource(path))
    await session.run()
    return session.timeline


async def test_a_replay_makes_the_timeline_that_was_recorded(tmp_path: Path) -> None:
    live = await recorded(tmp_path / "a.kscope")
    again = await replayed(tmp_path / "a.kscope")

    assert len(live.moments) > 10
    assert said(again) == said(live)
    assert again.ended == "over"


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.integers(0, 2))
def test_any_session_is_the_same_when_it_is_replayed_as_it_was_judged_and_anew(
    looks: list[Observation], begun: int
) -> None:
    live = Timeline()
    history, later = looks[:begun], looks[begun:]
    runs = sum(look.run is not None for look in history)
    told: list[Event] = [
        attach_event({"m": model(1)}, count=runs, history=history),
        *(Observed(1, look) for look in later),
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.kscope"
        recorder = Recorder(path, unexpected)
        for event in told:
            recorder(live.apply(event))
        recorder.close()
        for anew in (False, True):
            again = Timeline()
            for found in asyncio.run(all_of(RecordingSource(path, rejudge=anew))):
                again.apply(found)
            assert said(again) == said(live)
            assert [TimelineView(again).track(row.name) for row in TimelineView(again).rows()] == [
                TimelineView(live).track(row.name) for row in TimelineView(live).rows()
            ]
            assert again.names == live.names
            assert again.trained == live.trained


async def all_of(source: RecordingSource) -> list[Event | ReplayedEvent]:
    return [event async for event in source.events()]


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_a_file_of_every_version_that_there_was_opens_and_is_left_as_it_is(file: Path) -> None:
    before = file.read_bytes()
    again = asyncio.run(replayed(file))
    assert verdicts(again) == verdicts(churn().timeline())
    assert again.ended == "over"
    assert file.read_bytes() == before


def test_there_is_a_file_of_every_version() -> None:
    assert {file.stem for file in WRITTEN} == {str(number) for number in range(1, VERSION + 1)}


def verdicts(timeline: Timeline) -> list[tuple[int, int, list[tuple[str, Verdict]]]]:
    return [(m.epoch, m.execution_count, [(c.name, c.verdict) for c in m.changes]) for m in timeline.moments]


async def test_verdicts_are_shown_as_they_were_given_and_judged_anew_where_that_is_asked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.kscope"
    await recorded(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            """UPDATE events SET judgements = replace(judgements, '"refitted"', '"continued"')"""
        )
    given, anew = await replayed(path), Timeline()
    for event in await all_of(RecordingSource(path, rejudge=True)):
        anew.apply(event)
    assert Verdict.REFITTED not in given.verdicts
    assert Verdict.REFITTED in anew.verdicts


async def test_what_a_cell_was_is_stored_once_however_often_it_ran(tmp_path: Path) -> None:
    story, path = Story(), tmp_path / "a.kscope"
    story.attach()
    for _ in range(5):
        story.run("x" * 50_000_000)
    recorder, timeline = Recorder(path, unexpected), Timeline()
    for event in story.events:
        recorder(timeline.apply(event))
    recorder.close()
    assert path.stat().st_size < 2 * 65_536
    again = await replayed(path)
    assert said(again) == said(timeline)


def test_a_recording_tells_of_itself(tmp_path: Path) -> None:
    path, hours = tmp_path / "a.kscope", iter((3_600.0, 7_200.0))
    recorder, timeline = Recorder(path, unexpected, clock=lambda: next(hours)), Timeline()
    assert RecordingSource(path).about() == About(__version__, started=3_600.0)
    for event in churn().events:
        recorder(timeline.apply(event))
    assert RecordingSource(path).about().ended is None
    recorder.close()
    about = RecordingSource(path).about()
    assert about == About(__version__, started=3_600.0, ended=7_200.0, kernel=TimelineView(timeline).kernel)
    assert about.kernel is not None
    assert about.kernel.notebook == "/home/ada/work/churn.ipynb"


async def test_a_reader_that_follows_is_told_what_is_written_until_the_recording_is_closed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, unexpected)
    recorder(Update(Waiting("before")))
    heard: list[Event | ReplayedEvent] = []
    async for event in RecordingSource(path, follow=True).events():
        heard.append(event)
        if event == Waiting("before"):
            recorder(Update(Waiting("meanwhile")))
        if event == Waiting("meanwhile"):
            recorder.close()
    assert heard == [Waiting("before"), Waiting("meanwhile"), Detached("the recording ends here")]


async def test_a_reader_of_many_events_lets_the_writer_finish(tmp_path: Path) -> None:
    """More than are read at once: the writer ends while the reader is at the first of them."""
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, unexpected)
    recorder.write(Update(Waiting(str(number))) for number in range(10_000))
    read = RecordingSource(path).events()
    first = await anext(read)
    recorder.close()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208 - a look, and nothing to wait for
    assert len([first, *[event async for event in read]]) == 10_001


@pytest.mark.parametrize("left", [True, False])
async def test_that_a_cell_still_ran_at_the_end_is_told_and_no_other_sign_of_life(
    tmp_path: Path, left: bool
) -> None:
    path, story = tmp_path / "a.kscope", Story()
    story.attach()
    for _ in range(3):
        story.kernel("busy")
        story.run("pass")
        story.kernel("idle")
    story.kernel("busy")
    recorder, live = Recorder(path, unexpected), Timeline()
    for event in (*story.events, *([Detached("on request")] if left else [])):
        recorder(live.apply(event))
    recorder.close()
    told = await events_in(path)
    assert [event for event in told if isinstance(event, KernelChanged)] == [KernelChanged(1, "busy")]
    assert told[-1] == Detached("on request" if left else "the recording ends here")
    assert (await replayed(path)).state == "busy"


async def test_every_event_is_there_for_another_reader_as_soon_as_it_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, unexpected)
    for number in range(3):
        recorder(Update(Waiting(f"reason {number}")))
        events = await events_in(path)
        assert events[:-1] == [Waiting(f"reason {n}") for n in range(number + 1)]
        assert events[-1] == Detached("the recording ends here")
    recorder.close()


async def test_a_recording_is_its_owners_alone_to_read(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    await recorded(path)
    assert path.stat().st_mode & 0o077 == 0


async def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    await recorded(path)
    before = path.read_bytes()
    await replayed(path)
    assert path.read_bytes() == before


@pytest.mark.fault(81)
async def test_text_of_a_strangers_file_is_made_safe(tmp_path: Path) -> None:
    path = tmp_path / "a.kscope"
    recorder = Recorder(path, unexpected)
    recorder(Update(Waiting("\x1b]0;owned\x07")))
    recorder.close()
    [event, _] = await events_in(path)
    assert event == Waiting(r"\x1b]0;owned\x07")


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("years of work")
    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path, unexpected)
    assert path.read_text() == "years of work"


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be written"):
        Recorder(tmp_path / "no such folder" / "a.kscope", unexpected)


def test_a_failure_to_write_ends_the_recording_and_is_told_once(tmp_path: Path) -> None:
    path, told = tmp_path / "a.kscope", list[str]()
    recorder = Recorder(path, told.append)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE events")
    other.close()

    recorder(Update(Waiting("first")))
    recorder(Update(Waiting("second")))

    assert len(told) == 1
    assert "no such table" in told[0]


async def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as refused:
        await replayed(path)
    assert refused.value.exit_code == 5
    return refused.value.hint


async def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
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
    await recorded(path)
    database = sqlite3.connect(path)
    database.execute('UPDATE events SET body = \'{"type": "lost", "epoch": "x"}\' WHERE seq = 2')
    database.commit()
    database.close()
    hint = await refusal(path)
    assert "event 2" in hint
    assert "epoch" in hint
