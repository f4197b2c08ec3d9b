"""A recording gives back what was recorded, and what is none is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from kernelscope.errors import RecordingError
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.storage.schema import APPLICATION_ID, VERSION
from kernelscope.timeline.events import Detached, Waiting
from kernelscope.timeline.timeline import Timeline, Update
from tests.support.recordings import events_in
from tests.support.script import ScriptedSource, churn


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
    with pytest.raises(RecordingError, match="is there already"):
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
