"""Runs by itself, in a process whose disk fails or that is killed: a recording, and what is left of it.

``python crashing.py limit|full|read-only FOLDER`` tells in JSON what came of one session;
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
"""Bytes that may be written."""
LONG = "x" * 3_000


def event(number: int) -> Waiting:
    return Waiting(f"{number} {LONG}")


def replayed(path: Path) -> list[str]:
    """The numbers of the events in it, as text; it ends with ``Detached``, which has none."""

    async def read() -> list[str]:
        found = await events_in(path)
        return [e.reason.split()[0] for e in found if isinstance(e, Waiting)]

    return asyncio.run(read())


def is_beginning(numbers: list[str]) -> bool:
    """Whether nothing is missing between the first event and the last."""
    return numbers == [str(n) for n in range(len(numbers))]


def fill(path: Path) -> dict[str, object]:
    """Records more than there is room for."""
    told: list[str] = []
    recorder = Recorder(path, told.append)
    committed = 0
    for number in range(200):
        recorder(Update(event(number)))
        committed += not told
    recorder.close()
    return {"told": told, "committed": committed, "replayed": replayed(path)}


def fill_up(folder: Path, step: int) -> dict[str, object]:
    """Each write of a recording fails once, until one has room for all of it."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused, cut, events = 0, 0, 30
    for number in itertools.count(1):
        path = folder / f"{number}"
        told: list[str] = []
        resource.setrlimit(resource.RLIMIT_FSIZE, (number * step, hard))
        try:
            recorder = Recorder(path, told.append)
        except RecordingError:
            refused += 1
            assert not path.exists()
            continue
        acknowledged = 0
        for count in range(events):
            recorder(Update(event(count)))
            acknowledged += not told
        recorder.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert replayed(path) == [str(n) for n in range(acknowledged)], number
        assert len(told) == (acknowledged < events), told
        if not told:
            return {"refused": refused, "cut short": cut, "tries": number}
        cut += 1
    raise AssertionError


def refuse(path: Path) -> dict[str, object]:
    """Records where nothing can be written, and reads what was left there before: finished, and cut off."""
    try:
        Recorder(path / "new", lambda _: None)
    except RecordingError as error:
        told = [error.title, error.hint]
    return {"told": told, "finished": replayed(path / "finished"), "cut off": replayed(path / "cut off")}


def leave(folder: Path) -> None:
    """One recording that was closed, and one whose writer was killed."""
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
    for left in folder.glob("*-shm"):
        left.unlink()


def mounted(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)


def write_until_killed(path: Path, acknowledged: int) -> None:
    recorder = Recorder(path, lambda why: os._exit(1))
    os.write(acknowledged, b"+")  # it is there
    for number in range(100_000):
        recorder(Update(event(number)))
        os.write(acknowledged, b".")


def kill(folder: Path, rounds: int, seed: int = 91) -> dict[str, object]:
    """Kills writers while they write; another process reads meanwhile, and after."""
    chance = random.Random(seed)
    acknowledged, lost, torn, read = 0, 0, 0, 0
    for number in range(rounds):
        path = folder / f"{number}"
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            write_until_killed(path, theirs)
        os.close(theirs)
        wanted, seen = chance.randrange(2, 40), 0
        while seen < wanted:
            seen += len(os.read(ours, 1))
            if seen == wanted // 2:
                read += is_beginning(replayed(path))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(ours, 65_536):
            seen += len(more)
        os.close(ours)
        found = replayed(path)
        committed = seen - 1
        acknowledged += committed
        lost += max(0, committed - len(found))
        torn += not is_beginning(found)
        database = sqlite3.connect(path)
        torn += database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        database.close()
    return {"acknowledged": acknowledged, "lost": lost, "torn": torn, "read while written": read}


def main(what: str, folder: Path, *rest: str) -> dict[str, object]:
    if what == "every":
        return fill_up(folder, int(rest[0]))
    if what == "killed":
        return kill(folder, int(rest[0]))
    if what == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE, SPACE))
        return fill(folder / "a.kscope")
    if what == "full":
        mounted(folder, SPACE)
        return fill(folder / "a.kscope")
    mounted(folder, 4_000_000)
    leave(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return refuse(folder)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
