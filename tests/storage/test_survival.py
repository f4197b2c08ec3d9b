"""Tests that a recording survives full disks, killed writers and power cuts, and that other files are not changed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import queue
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from kernelscope.domain.events import Detached, Event, Waiting
from kernelscope.errors import RecordingError
from kernelscope.session import Session
from kernelscope.storage import schema
from kernelscope.storage.recorder import Recorder
from kernelscope.storage.recording import RecordingSource
from kernelscope.timeline.timeline import Update
from tests.storage import crashing
from tests.storage.crashing import event, replay
from tests.support.script import ScriptedSource

ROUNDS = 25


def fail_on_message(why: str) -> None:
    raise AssertionError(why)


def run_crashing(*arguments: str, namespace: bool = False) -> dict[str, Any]:
    """Run ``crashing.py`` in a process, or with mounts, of its own; returns its JSON output."""
    before = ["unshare", "-m"] if namespace else []
    command = [*before, sys.executable, crashing.__file__, *arguments]
    root = Path(crashing.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@cache
def can_mount() -> bool:
    mount = "mount -t tmpfs tmpfs /mnt"
    return shutil.which("unshare") is not None and not subprocess.run(
        ["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False
    ).returncode  # fmt: skip


# --- 90: writing fails -----------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.fault(90)
@pytest.mark.parametrize("how", ["limit", "full"])
def test_a_full_disk_ends_the_recording_and_loses_nothing_committed(tmp_path: Path, how: str) -> None:
    if how == "full" and not can_mount():
        pytest.skip("no file system can be mounted here")
    result = run_crashing(how, str(tmp_path), namespace=how == "full")
    assert len(result["messages"]) == 1, "one message, and the watch goes on"
    assert result["committed"] > 0
    assert result["replayed"] == [str(number) for number in range(result["committed"])]


@pytest.mark.kernel
@pytest.mark.fault(90)
def test_whichever_write_fails_nothing_acknowledged_is_lost(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    result = run_crashing("every", str(tmp_path), "6144")
    assert result["refused"] > 0
    assert result["cut short"] > 20
    record_property("table", f"recordings with ever more room: {result}")


@pytest.mark.kernel
@pytest.mark.fault(90)
def test_a_read_only_disk_refuses_a_new_recording_and_an_old_one_is_read(tmp_path: Path) -> None:
    if not can_mount():
        pytest.skip("no file system can be mounted here")
    result = run_crashing("read-only", str(tmp_path), namespace=True)
    assert result["messages"] == [f"{tmp_path}/new cannot be written", "Read-only file system"]
    assert result["finished"] == result["cut off"] == ["0", "1", "2", "3", "4"]


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replace_with_another(path: Path) -> None:
    move(path)
    path.write_text("another's")


@pytest.mark.fault(90)
@pytest.mark.parametrize("harm", [remove, move, replace_with_another])
def test_a_file_that_disappears_ends_the_recording_but_not_the_watch(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path, messages, events = tmp_path / "a.kscope", list[str](), list[Event]()
    session = Session(ScriptedSource([*map(event, range(6)), Detached("over")]))
    recorder = Recorder(path, messages.append)
    session.listen(recorder)
    session.listen(lambda update: events.append(update.event))
    session.listen(lambda update: harm(path) if len(events) == 3 else None)
    asyncio.run(session.run())
    recorder.close()

    assert len(events) == 7
    assert len(messages) == 1
    assert "removed or moved" in messages[0]
    names = {each.name for each in tmp_path.iterdir()}
    if harm is remove:
        assert names == set()
    else:
        assert replay(tmp_path / "moved") == ["0", "1", "2", "3"]
        assert names == {"moved"} or harm is replace_with_another
    if harm is replace_with_another:
        assert path.read_text() == "another's"


def test_a_recording_that_could_not_start_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (("CREATE TABLE nonsense",),))
    path = tmp_path / "a.kscope"
    with pytest.raises(RecordingError, match="cannot be written"):
        Recorder(path, fail_on_message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", [":memory:", "file:a?mode=memory", "a?b#c%20d.kscope", "caf\udce9\x1b.kscope"]
)
def test_any_name_is_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    recorder = Recorder(Path(name), fail_on_message)
    recorder(Update(event(0)))
    recorder.close()
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert replay(Path(name)) == ["0"]


# --- 91: the writer is killed, the power fails ------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.fault(91)
def test_killed_writers_lose_nothing_that_they_had_acknowledged(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    result = run_crashing("killed", str(tmp_path), str(ROUNDS))
    record_property("table", f"{ROUNDS} writers killed with SIGKILL: {result}")
    assert result["acknowledged"] > ROUNDS
    assert (result["lost"], result["torn"]) == (0, 0)
    assert result["read while written"] == ROUNDS


@pytest.mark.fault(91)
def test_whatever_a_power_cut_leaves_of_the_log_its_beginning_is_read(tmp_path: Path) -> None:
    """The log is cut at many places, followed by nothing, zeros or garbage."""
    path = tmp_path / "a"
    recorder = Recorder(path, fail_on_message)
    for number in range(4):
        recorder(Update(event(number)))
    main, log = path.read_bytes(), (tmp_path / "a-wal").read_bytes()
    recorder.close()

    for tail in (b"", b"\0" * 512, b"\xa5" * 512):
        lengths = []
        for cut in (*range(0, len(log), 1_000), len(log)):
            torn = tmp_path / f"torn-{cut}-{tail[:1].hex()}"
            torn.write_bytes(main)
            Path(f"{torn}-wal").write_bytes(log[:cut] + tail)
            numbers = replay(torn)
            assert crashing.is_beginning(numbers)
            lengths.append(len(numbers))
        assert lengths == sorted(lengths)
        assert set(lengths) == set(range(5))


@pytest.mark.fault(91)
def test_each_event_is_sent_to_the_disk_before_the_next_one(tmp_path: Path) -> None:
    """SQLite's settings and the sync calls show it; the test cannot cut the power."""
    synced: queue.SimpleQueue[str] = queue.SimpleQueue()

    def keep(descriptor: int) -> None:
        synced.put(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    recorder = Recorder(tmp_path / "a", fail_on_message, sync=keep)
    assert recorder._database is not None
    assert recorder._database.execute("PRAGMA synchronous").fetchone() == (1,)
    assert recorder._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    for number in range(3):
        recorder(Update(event(number)))
        assert synced.get(timeout=30) == f"{tmp_path / 'a'}-wal"
    recorder.close()
    assert not any(thread.name == "kernelscope-flusher" for thread in threading.enumerate())


@pytest.mark.fault(90)
def test_a_failing_sync_ends_the_recording(tmp_path: Path) -> None:
    called, messages = threading.Event(), list[str]()

    def fail(_: int) -> None:
        called.set()
        raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(tmp_path / "a", messages.append, sync=fail)
    recorder(Update(event(0)))
    assert called.wait(30)
    recorder._flusher._thread.join(30)
    recorder(Update(event(1)))
    recorder(Update(event(2)))
    assert messages == ["Input/output error"]
    assert recorder.ended


def test_a_slow_disk_blocks_nothing(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def keep(_: int) -> None:
        assert goes_on.wait(30)

    recorder = Recorder(tmp_path / "a", fail_on_message, sync=keep)
    for number in range(20):
        recorder(Update(event(number)))
    assert replay(tmp_path / "a") == [str(number) for number in range(20)]
    goes_on.set()
    recorder.close()


@pytest.mark.fault(91)
def test_what_a_killed_writer_left_beside_its_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    recorder = Recorder(path, fail_on_message)
    recorder(Update(event(0)))
    path.rename(tmp_path / "elsewhere")
    content = (tmp_path / "a-wal").read_bytes()
    with pytest.raises(RecordingError, match="an earlier recording"):
        Recorder(path, fail_on_message)
    assert (tmp_path / "a-wal").read_bytes() == content
    assert not path.exists()
    recorder.close()


def test_a_finished_recording_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    recorder = Recorder(path, fail_on_message)
    recorder(Update(event(0)))
    assert (tmp_path / "a-wal").exists()
    recorder.close()
    assert list(tmp_path.iterdir()) == [path]
    path.chmod(0o400)
    assert replay(path) == ["0"]


# --- 92: other versions, and other files --------------------------------------------------


def refusal(path: Path) -> str:
    """Return the reason of a refusal, after checking that nothing in the folder changed."""
    before = contents(path.parent)
    with pytest.raises(RecordingError) as refused:
        replay(path)
    assert refused.value.exit_code == 5
    assert refused.value.title.isprintable()
    assert refused.value.hint.isprintable()
    assert contents(path.parent) == before
    return refused.value.hint


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def database(path: Path, *statements: str, version: int = schema.VERSION, ours: bool = True) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if ours:
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")
        schema.add_functions(connection)
        for statement in statements:
            connection.execute(statement)
    return path


def record(path: Path, count: int = 40) -> Path:
    recorder = Recorder(path, fail_on_message)
    for number in range(count):
        recorder(Update(event(number)))
    recorder.close()
    return path


OLDEST = schema.MIGRATIONS[0]
GOOD = tuple(chain.from_iterable(schema.MIGRATIONS))
EVENT = "INSERT INTO events (seq, body)"
SOURCE = "INSERT INTO sources VALUES (1, 'm.fit(X, y)')"
WAITING = """{"type": "waiting", "reason": "a"}"""
SOURCED = f"INSERT INTO events (seq, body, sources) VALUES (1, '{WAITING}', "
JUDGED = f"INSERT INTO events (seq, body, judgements) VALUES (1, '{WAITING}', "
ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS seq, '{}' AS body FROM n"
)


@pytest.mark.fault(92)
@pytest.mark.parametrize(
    ("version", "statements", "ours", "words"),
    [
        (7, [], True, f"its version is 7, and this kernelscope reads up to {schema.VERSION}"),
        (0, [], True, "not those of version 0"),
        (-3, [], True, "not those of version -3"),
        (1, [], True, "not those of version 1"),
        (1, ["CREATE TABLE events (seq, body)"], True, "not those of version 1"),
        (1, [f"CREATE VIEW events AS {ENDLESS}"], True, "not those of version 1"),
        (1, [*OLDEST], False, "not written by kernelscope"),
        (1, [*OLDEST, f"{EVENT} VALUES (2, '{{}}')"], True, "event 1 is missing"),
        (1, [*OLDEST, f"{EVENT} VALUES (1, '[1')"], True, "event 1 cannot be read"),
        (2, [*OLDEST], True, "not those of version 2"),
        (schema.VERSION, [*GOOD], False, "not written by kernelscope"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (2, '{{}}')"], True, "event 1 is missing"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (1, '{{}}')"], True, "event 1 cannot be read"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (1, '[1')"], True, "event 1 cannot be read"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (1, '\x1b[2J')"], True, "event 1 cannot be read: not JSON"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (1, CAST(x'ff' AS TEXT))"], True, "decode to UTF-8"),
        (schema.VERSION, [*GOOD, f"{EVENT} VALUES (1, printf('%.*c', 64000001, 'x'))"], True, "too big"),
        (schema.VERSION, [*GOOD, SOURCED + "'[1')"], True, "event 1 cannot be read"),
        (schema.VERSION, [*GOOD, SOURCED + "'[7]')"], True, "source of its event 1 is not text"),
        (schema.VERSION, [*GOOD, SOURCED + "'[1]')", SOURCE], True, "more sources than cells"),
        (schema.VERSION, [*GOOD, JUDGED + "'[{}]')"], True, "has 0 looks and 1 verdicts"),
        (schema.VERSION, [*GOOD, JUDGED + "'[{')"], True, "the verdict on its event 1 cannot be read"),
        (schema.VERSION, [*GOOD, JUDGED + "'{}')"], True, "Expected `array`"),
    ],
)  # fmt: skip
def test_a_database_that_is_not_a_recording_is_refused(
    tmp_path: Path, version: int, statements: list[str], ours: bool, words: str
) -> None:
    assert words in refusal(database(tmp_path / "a", *statements, version=version, ours=ours))


@pytest.mark.fault(92)
def test_a_damaged_page_is_reported_and_nothing_is_repaired(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole").read_bytes()
    page = 4_096
    reasons = set()
    for number in range(len(whole) // page):
        for put in (b"\0" * page, b"\xff" * page, os.urandom(page)):
            folder = tmp_path / f"{number}-{put[0]}"
            folder.mkdir(exist_ok=True)
            (folder / "a").write_bytes(whole[: number * page] + put + whole[(number + 1) * page :])
            reasons.add(refusal(folder / "a"))
    (cut := tmp_path / "cut" / "a").parent.mkdir()
    cut.write_bytes(whole[: len(whole) // 2])
    reasons.add(refusal(cut))
    assert any("malformed" in reason for reason in reasons)


@pytest.mark.fault(92)
def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "notebook").write_text('{"cells": []}' * 100)
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(RecordingError) as refused:
        replay(tmp_path / "zeros")
    assert "not a database" in refused.value.hint
    os.truncate(tmp_path / "zeros", 0)
    assert "no such file" in refusal(tmp_path / "none")
    assert "not a regular file" in refusal(tmp_path / "fifo")
    assert "symbolic links" in refusal(tmp_path / "loop")
    assert "directory" in refusal(tmp_path / "folder")
    assert "empty" in refusal(tmp_path / "empty")
    assert "not a database" in refusal(tmp_path / "notebook")


@pytest.mark.fault(92)
def test_the_log_of_another_recording_is_not_used_for_a_finished_one(tmp_path: Path) -> None:
    """SQLite goes by the name alone, and would use it."""
    path = record(tmp_path / "a", 3)
    other = Recorder(tmp_path / "b", fail_on_message)
    for number in range(100, 150):
        other(Update(event(number)))
    shutil.copy(tmp_path / "b-wal", tmp_path / "a-wal")
    other.close()
    assert replay(path) == ["0", "1", "2"]


@pytest.mark.fault(92)
def test_a_migration_that_fails_half_way_is_rolled_back_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "a", 3)
    more = ("ALTER TABLE events ADD COLUMN written REAL", "CREATE TABLE notes (note TEXT)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))

    def half_way(action: int, name: str | None, value: str | None, *_: object) -> int:
        """Allow changing the table, but not the version number."""
        ours = action == sqlite3.SQLITE_PRAGMA and name == "user_version" and value is not None
        return sqlite3.SQLITE_DENY if ours else sqlite3.SQLITE_OK

    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.set_authorizer(half_way)
        with pytest.raises(sqlite3.DatabaseError):
            schema.migrate(opened)
        opened.set_authorizer(None)
        assert not opened.in_transaction
        assert opened.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert schema.has_schema(opened, schema.VERSION)
        schema.migrate(opened)
        assert opened.execute("PRAGMA user_version").fetchone() == (schema.VERSION + 1,)
        assert opened.execute("SELECT count(*) FROM events").fetchone() == (3,)
        assert schema.has_schema(opened, schema.VERSION + 1)
        opened.execute("PRAGMA user_version = 9")
        schema.migrate(opened)
        assert opened.execute("PRAGMA user_version").fetchone() == (9,), "a newer version is not changed"


@pytest.mark.fault(92)
@pytest.mark.parametrize("what", [b"", b"years of work", None])
def test_no_existing_file_is_overwritten(tmp_path: Path, what: bytes | None) -> None:
    path = tmp_path / "a"
    if what is None:
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(what)
    before = contents(tmp_path)
    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path, fail_on_message)
    assert contents(tmp_path) == before
    assert not (tmp_path / "nowhere").exists()


def test_an_event_that_is_too_long_ends_the_recording_and_earlier_ones_are_read(tmp_path: Path) -> None:
    path, messages = tmp_path / "a", list[str]()
    recorder = Recorder(path, messages.append)
    recorder(Update(event(0)))
    recorder(Update(Waiting("x" * (schema.LONGEST + 1))))
    recorder(Update(event(1)))
    assert len(messages) == 1
    assert "too big" in messages[0]
    assert replay(path) == ["0"]


async def test_a_recording_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    source = RecordingSource(await asyncio.to_thread(record, tmp_path / "a", 2))
    assert [e async for e in source.events()] == [e async for e in source.events()]
