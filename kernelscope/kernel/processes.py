"""The processes behind connection files, and how a child process is ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

from kernelscope.system import StartedProcess, find_processes

_FILE_OPTIONS = ("-f", "--f", "--IPKernelApp.connection_file", "--connection-file")
_STARTUP_S = 30.0
"""A kernel whose file holds more than ports (CurveZMQ's keys) writes the file again while it starts, with the
same key."""


def has_kernel_process(path: Path) -> bool | None:
    """Whether a live process was started with ``-f`` this very file, and the file is unchanged since.

    If so, the key in the file is the kernel's, and silence means that the kernel is busy.  A process
    that wrote the file itself, after its start, does not count.

    Returns:
        ``None`` if this cannot be known: processes cannot be listed, or there is no such file.
    """
    processes = _processes_of(path)
    return None if processes is None else bool(processes)


def find_kernel_process(path: Path) -> int | None:
    """The process that was started with ``-f`` this very file, see ``has_kernel_process``; of several the
    first.  ``None``: there is none on this machine, or it cannot be known."""
    return min(_processes_of(path) or (), default=None)


def _processes_of(path: Path) -> list[int] | None:
    try:
        target = path.resolve(strict=True)
        written = target.stat().st_mtime
    except (OSError, RuntimeError):  # RuntimeError: a circle of symbolic links
        return None
    try:
        candidates = list(find_processes(lambda arguments: bool(_file_options(arguments))))
    except OSError:
        return None
    return [one.pid for one in candidates if _is_started_with(one, target, written)]


def _is_started_with(process: StartedProcess, target: Path, written: float) -> bool:
    try:
        is_named = any(_real_path(process, name) == target for name in _file_options(process.arguments))
    except (OSError, RuntimeError, ValueError):  # ValueError: a NUL in the name
        return False
    return is_named and written <= process.started + _STARTUP_S


def _file_options(arguments: Sequence[str]) -> list[str]:
    """The values of the options that name a kernel's connection file."""
    values = [value for option, value in itertools.pairwise(arguments) if option in _FILE_OPTIONS]
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if equals and option in _FILE_OPTIONS:
            values.append(value)
    return [value.strip('"') for value in values]


def _real_path(process: StartedProcess, name: str) -> Path | None:
    """The file that an argument of the process names, seen from its working directory."""
    if Path(name).is_absolute():
        return Path(name).resolve()
    return None if process.folder is None else (process.folder / name).resolve()


async def terminate(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Asks a child process to end, and kills it if it has not after so many seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
