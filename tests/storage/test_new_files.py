"""Tests that a recording needs a new file and changes no existing one, and that its end reports its contents."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelscope.domain.events import Event
from kernelscope.errors import RecordingError
from kernelscope.export.recordings import recording_summary
from kernelscope.session import Session
from kernelscope.storage.recorder import Recorder
from kernelscope.timeline.timeline import Timeline
from tests.support.script import ScriptedSource, churn


def ignore(why: str) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    return tmp_path


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)


def dangling_link(path: Path) -> None:
    path.symlink_to("nothing")


def link(path: Path) -> None:
    path.with_name("target").write_text("theirs")
    path.symlink_to("target")


def file(path: Path) -> None:
    path.write_text("theirs")


def device(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def describe_files(folder: Path) -> dict[str, tuple[int, ...]]:
    files = ((path.name, path.lstat()) for path in folder.iterdir())
    return {name: (s.st_mode, s.st_ino, s.st_size, s.st_mtime_ns, s.st_rdev) for name, s in files}


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (fifo, "a exists already: it is a FIFO"),
        (unix_socket, "a exists already: it is a socket"),
        (dangling_link, "a exists already: it is a symbolic link to nothing"),
        (link, "a exists already: it is a symbolic link"),
        (device, "a exists already: it is a device"),
        (Path.mkdir, "a exists already: it is a directory"),
        (file, "a exists already"),
    ],
)
def test_an_existing_file_is_named_and_unchanged(
    folder: Path, make: Callable[[Path], None], title: str
) -> None:
    make(folder / "a")
    before = describe_files(folder)
    with pytest.raises(RecordingError) as refused:
        Recorder(Path("a"), ignore)
    assert refused.value.title == title
    assert "Name another" in refused.value.hint
    assert describe_files(folder) == before


@pytest.mark.parametrize("make", [fifo, unix_socket, link, Path.mkdir])
@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_files_that_sqlite_would_open_beside_it_are_checked_too(
    folder: Path, make: Callable[[Path], None], end: str
) -> None:
    make(folder / f"a{end}")
    before = describe_files(folder)
    with pytest.raises(RecordingError, match="beside a are files"):
        Recorder(Path("a"), ignore)
    assert describe_files(folder) == before


def feed(recorder: Recorder, events: list[Event]) -> None:
    timeline = Timeline()
    for event in events:
        recorder(timeline.apply(event))


def runs(events: list[Event]) -> list[int]:
    timeline = Timeline()
    moments = [moment for event in events for moment in timeline.apply(event).moments]
    return [moment.execution_count for moment in moments if moment.run is not None]


def test_a_complete_recording_says_how_to_open_it(folder: Path) -> None:
    story = churn()
    story.end()
    recorder = Recorder(folder / "a b", ignore)
    feed(recorder, story.events)
    recorder.close()
    result = recorder.result
    counts = runs(story.events)
    assert (result.runs, result.last_count, result.failure, result.is_there) == (
        len(counts), counts[-1], "", True,
    )  # fmt: skip
    assert recording_summary(result) == f"recorded: `kernelscope replay '{folder}/a b'` opens it"


def test_a_recording_that_disappeared_at_the_end_is_not_reported_as_complete(folder: Path) -> None:
    events, messages = churn().events, list[str]()
    recorder = Recorder(folder / "a", messages.append)
    feed(recorder, events)
    (folder / "a").unlink()
    recorder.close()
    counts = runs(events)
    summary = recording_summary(recorder.result)
    assert summary.startswith("the recording ended early (the file was removed or moved;")
    assert summary.endswith(f": {len(counts)} runs, up to In [{counts[-1]}] in epoch 2 had been written")
    assert "replay" not in summary
    assert messages == [], "it was noticed only at the end"


def test_a_disk_that_fails_at_the_end_is_reported(folder: Path) -> None:
    called = threading.Event()

    def fail(descriptor: int) -> None:
        called.set()
        raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(folder / "a", ignore, sync=fail)
    feed(recorder, churn().events[:1])
    assert called.wait(60)
    recorder.close()
    summary = recording_summary(recorder.result)
    assert summary.startswith("the recording ended early (Input/output error): it holds ")
    assert summary.endswith("opens it")


async def test_a_session_returns_the_recording_s_result(folder: Path) -> None:
    story = churn()
    story.end()
    session = Session(ScriptedSource(story.events))
    assert session.stop_recording() is None
    session.record(folder / "a", ignore)
    await session.run()
    result = session.stop_recording()
    assert result is not None
    assert (result.path, result.runs) == (folder / "a", len(runs(story.events)))
