"""What the operating system knows of the processes behind files."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from pathlib import Path

_PROC = Path("/proc")
_FILE_OPTIONS = ("-f", "--f", "--IPKernelApp.connection_file", "--connection-file")
_STARTUP_S = 30.0
"""A kernel that is told more than its ports (CurveZMQ's keys) writes its file anew while it starts, with the
same key."""
_ENDED = frozenset({b"Z", b"X"})
"""States of a process that has ended, also where nobody has asked how."""


def alive(pid: int) -> bool:
    """Whether a process with this id is there, whoever's it is."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def started_from(path: Path) -> bool | None:
    """Whether a live process was started with ``-f`` this very file, unchanged since it was up.

    Then the key in the file is the kernel's, and silence means that the kernel is busy.  A process
    that wrote the file itself, after its start, does not count.

    Returns:
        ``None`` where this cannot be known: no ``/proc``, or no such file.
    """
    found = _processes_of(path)
    return None if found is None else bool(found)


def kernel_of(path: Path) -> int | None:
    """The process that was started with ``-f`` this very file, as ``started_from`` tells it; of several
    the first.  ``None``: there is none on this machine, or it cannot be known."""
    return min(_processes_of(path) or (), default=None)


def _processes_of(path: Path) -> list[int] | None:
    if not (_PROC / "self" / "cmdline").exists():
        return None
    try:
        target = path.resolve(strict=True)
        written = target.stat().st_mtime
    except (OSError, RuntimeError):  # RuntimeError: a circle of symbolic links
        return None
    return [int(p.name) for p in _PROC.glob("[0-9]*") if _started_with(p, target, written)]


def _started_with(process: Path, target: Path, written: float) -> bool:
    try:
        arguments = [os.fsdecode(part) for part in (process / "cmdline").read_bytes().split(b"\0")]
        if not any(_real(process, name) == target for name in _files_given(arguments)):
            return False
        return written <= _started(process) + _STARTUP_S
    except (OSError, RuntimeError):  # it ended meanwhile, or is another user's
        return False


def _files_given(arguments: list[str]) -> list[str]:
    """The values of the options with which a kernel is told its connection file."""
    found = [value for option, value in itertools.pairwise(arguments) if option in _FILE_OPTIONS]
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if equals and option in _FILE_OPTIONS:
            found.append(value)
    return [value.strip('"') for value in found]


def _real(process: Path, name: str) -> Path:
    """The file that the process was given, seen from its own working directory."""
    if Path(name).is_absolute():
        return Path(name).resolve()
    return ((process / "cwd").readlink() / name).resolve()


def _started(process: Path) -> float:
    """Seconds since the epoch, to about 10 ms."""
    fields = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def start_mark(pid: int) -> str:
    """What tells two processes with one pid apart, as ``process_started`` in the probe's agent reads
    it: the start time where the system has it (Linux), else only that there is one; empty where there
    is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "alive" if not _PROC.exists() and alive(pid) else ""
    return "" if fields[0] in _ENDED else fields[19].decode()


def has_ended(pid: int, mark: str) -> bool:
    """Whether the process that had this ``start_mark`` is there no more."""
    return start_mark(pid) != mark


def is_stopped(pid: int) -> bool:
    """Whether the process was told to stop (SIGSTOP, Ctrl-Z) and not yet to go on."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in {b"T", b"t"}
    except OSError:
        return False


async def end(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Asks a process of our own to end, and kills it where it has not after so many seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
