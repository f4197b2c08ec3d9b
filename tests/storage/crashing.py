"""A script that records in a process whose disk fails or that is killed, and reads what is left.

``python crashing.py limit|full|read-only FOLDER`` prints the result of one session as JSON;
``python crashing.py killed FOLDER ROUNDS`` kills as many writers, at moments of its own choosing.
``python crashing.py every FOLDER STEP`` records again and again, each time with room for STEP bytes more.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from kernelscope.domain.events import Waiting
from kernelscope.errors import RecordingError
from kernelscope.storage.recorder import Recorder
from kernelscope.timeline.timeline import Update
from tests.support.recordings import events_in

SPACE = 200_000
"""File size limit, in bytes."""
LONG = "x" * 3_000


def event(number: int) -> Waiting:
    return Waiting(f"{number} {LONG}")


def replay(path: Path) -> list[str]:
    """Return the numbers of the events in a recording, as text (the final ``Detached`` has none)."""

    async def read() -> list[str]:
        events = await events_in(path)
        return [e.reason.split()[0] for e in events if isinstance(e, Waiting)]

    return asyncio.run(read())


def is_beginning(numbers: list[str]) -> bool:
    """Whether no event is missing between the first and the last."""
    return numbers == [str(n) for n in range(len(numbers))]


def record_beyond_limit(path: Path) -> dict[str, object]:
    """Record more than there is room for."""
    messages: list[str] = []
    recorder = Recorder(path, messages.append)
    committed = 0
    for number in range(200):
        recorder(Update(event(number)))
        committed += not messages
    recorder.close()
    return {"messages": messages, "committed": committed, "replayed": replay(path)}


def record_with_more_room(folder: Path, step: int) -> dict[str, object]:
    """Record with ever more room, so that each write fails once, until there is enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused, cut, events = 0, 0, 30
    for number in itertools.count(1):
        path = folder / f"{number}"
        messages: list[str] = []
        resource.setrlimit(resource.RLIMIT_FSIZE, (number * step, hard))
        try:
            recorder = Recorder(path, messages.append)
        except RecordingError:
            refused += 1
            assert not path.exists()
            continue
        acknowledged = 0
        for count in range(events):
            recorder(Update(event(count)))
            acknowledged += not messages
        recorder.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert replay(path) == [str(n) for n in range(acknowledged)], number
        assert len(messages) == (acknowledged < events), messages
        if not messages:
            return {"refused": refused, "cut short": cut, "tries": number}
        cut += 1
    raise AssertionError


def record_read_only(path: Path) -> dict[str, object]:
    """Record where nothing can be written; read a finished and a cut-off recording there."""
    try:
        Recorder(path / "new", lambda _: None)
    except RecordingError as error:
        messages = [error.title, error.hint]
    return {"messages": messages, "finished": replay(path / "finished"), "cut off": replay(path / "cut off")}


def write_old_recordings(folder: Path) -> None:
    """Write one recording that is closed, and one whose writer is killed."""
    for name in ("finished", "cut off"):
        child = os.fork()
        if not child:
            recorder = Recorder(folder / name, lambda _: None)
            for number in range(5):
                recorder(Update(event(number)))
            if name == "finished":
                recorder.close()
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
    for file in folder.glob("*-shm"):
        file.unlink()


def mount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)


def write_until_killed(path: Path, acknowledged: int) -> None:
    recorder = Recorder(path, lambda why: os._exit(1))
    os.write(acknowledged, b"+")  # the file exists
    for number in range(100_000):
        recorder(Update(event(number)))
        os.write(acknowledged, b".")


def kill_writers(folder: Path, rounds: int, seed: int = 91) -> dict[str, object]:
    """Kill writers while they write; read the recording meanwhile and afterwards."""
    chance = random.Random(seed)
    acknowledged, missing, torn, read = 0, 0, 0, 0
    for number in range(rounds):
        path = folder / f"{number}"
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            write_until_killed(path, theirs)
        os.close(theirs)
        wanted, received = chance.randrange(2, 40), 0
        while received < wanted:
            received += len(os.read(ours, 1))
            if received == wanted // 2:
                read += is_beginning(replay(path))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(ours, 65_536):
            received += len(more)
        os.close(ours)
        numbers = replay(path)
        committed = received - 1
        acknowledged += committed
        missing += max(0, committed - len(numbers))
        torn += not is_beginning(numbers)
        database = sqlite3.connect(path)
        torn += database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        database.close()
    return {"acknowledged": acknowledged, "lost": missing, "torn": torn, "read while written": read}


def main(what: str, folder: Path, *rest: str) -> dict[str, object]:
    if what == "every":
        return record_with_more_room(folder, int(rest[0]))
    if what == "killed":
        return kill_writers(folder, int(rest[0]))
    if what == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE, SPACE))
        return record_beyond_limit(folder / "a.kscope")
    if what == "full":
        mount(folder, SPACE)
        return record_beyond_limit(folder / "a.kscope")
    mount(folder, 4_000_000)
    write_old_recordings(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return record_read_only(folder)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
