"""The processes behind connection files, and how one of our own is ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

from kernelscope.system import StartedProcess, started_processes

_FILE_OPTIONS = ("-f", "--f", "--IPKernelApp.connection_file", "--connection-file")
_STARTUP_S = 30.0
"""A kernel that is told more than its ports (CurveZMQ's keys) writes its file anew while it starts, with the
same key."""


def started_from(path: Path) -> bool | None:
    """Whether a live process was started with ``-f`` this very file, unchanged since it was up.

    Then the key in the file is the kernel's, and silence means that the kernel is busy.  A process
    that wrote the file itself, after its start, does not count.

    Returns:
        ``None`` where this cannot be known: no list of processes, or no such file.
    """
    found = _processes_of(path)
    return None if found is None else bool(found)


def kernel_of(path: Path) -> int | None:
    """The process that was started with ``-f`` this very file, as ``started_from`` tells it; of several
    the first.  ``None``: there is none on this machine, or it cannot be known."""
    return min(_processes_of(path) or (), default=None)


def _processes_of(path: Path) -> list[int] | None:
    try:
        target = path.resolve(strict=True)
        written = target.stat().st_mtime
    except (OSError, RuntimeError):  # RuntimeError: a circle of symbolic links
        return None
    try:
        candidates = list(started_processes(lambda arguments: bool(_files_given(arguments))))
    except OSError:
        return None
    return [one.pid for one in candidates if _started_with(one, target, written)]


def _started_with(process: StartedProcess, target: Path, written: float) -> bool:
    try:
        named = any(_real(process, name) == target for name in _files_given(process.arguments))
    except (OSError, RuntimeError, ValueError):  # ValueError: a NUL in the name
        return False
    return named and written <= process.started + _STARTUP_S


def _files_given(arguments: Sequence[str]) -> list[str]:
    """The values of the options with which a kernel is told its connection file."""
    found = [value for option, value in itertools.pairwise(arguments) if option in _FILE_OPTIONS]
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if equals and option in _FILE_OPTIONS:
            found.append(value)
    return [value.strip('"') for value in found]


def _real(process: StartedProcess, name: str) -> Path | None:
    """The file that the process was given, seen from its own working directory."""
    if Path(name).is_absolute():
        return Path(name).resolve()
    return None if process.folder is None else (process.folder / name).resolve()


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
