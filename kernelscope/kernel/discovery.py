"""Which kernels there are, and which one is meant.

Nothing but heartbeats is sent to a kernel here, so that looking moves no kernel's last activity
and keeps no idle kernel from being culled.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq.asyncio

from kernelscope.errors import ConnectionFileError, NoKernelError
from kernelscope.kernel.entry import EntryState, KernelEntry
from kernelscope.kernel.files import ConnectionInfo, read_connection_file
from kernelscope.kernel.heartbeat import Heartbeat
from kernelscope.kernel.places import named_as_a_kernels, runtime_dirs, unreadable
from kernelscope.kernel.servers import ServedKernel, served_kernels
from kernelscope.text import clean

_HEARTBEAT_S = 1.0
_AT_ONCE = 64
"""Heartbeats in flight: each takes a few file descriptors."""
_NAMED = 5
"""The most kernels that a message names."""
_PATH_CHARS = 4_096


class SeveralKernelsError(NoKernelError):
    """More than one live kernel is meant; ``kernels`` has them for a picker."""

    def __init__(self, title: str, hint: str, kernels: Sequence[KernelEntry]) -> None:
        super().__init__(title, hint)
        self.kernels = tuple(kernels)


@dataclass(frozen=True)
class _Found:
    """An entry, and the raw text that it was made from, which is matched and never shown."""

    entry: KernelEntry
    notebooks: tuple[str, ...]


async def find_kernels() -> list[KernelEntry]:
    """Every kernel with a usable file in the runtime directories: live first, then by activity.

    Takes about a second where there are stale files.
    """
    return [found.entry for found in await _find()]


async def resolve(argument: str | None) -> Path:
    """The connection file that is meant, as ``jupyter console --existing`` would have it.

    Args:
        argument: a connection file, its name, a fragment of it, a kernel id, or the path of a
            notebook; ``None`` is the only live kernel.

    Raises:
        SeveralKernelsError: more than one live kernel is meant.
        NoKernelError: none is.
    """
    if argument is None:
        return _only_live(await _find())
    direct = _file_named(argument)
    if direct is not None:
        return direct
    kernels = await _find()
    if argument.endswith(".ipynb"):
        return _of_notebook(argument, kernels)
    return _of_fragment(argument, kernels)


async def _find() -> list[_Found]:
    folders, infos = await asyncio.to_thread(_readable)
    served, beating = await asyncio.gather(served_kernels(folders), _beating(list(infos.values())))
    found = [
        _found(path, info, served.get(kernel_id_of(path)), beats=beats)
        for (path, info), beats in zip(infos.items(), beating, strict=True)
    ]
    return sorted(found, key=lambda one: (one.entry.state == "dead", -_activity(one.entry)))


def _readable() -> tuple[list[Path], dict[Path, ConnectionInfo]]:
    """The runtime directories and what is in them; a file that cannot be used is none of a kernel."""
    folders = runtime_dirs()
    infos = {}
    for path in sorted(path for folder in folders for path in named_as_a_kernels(folder)):
        try:
            infos[path] = read_connection_file(path, insecure=True, insecure_file=True)
        except ConnectionFileError:
            continue
    return folders, infos


async def _beating(infos: Sequence[ConnectionInfo]) -> list[bool]:
    """Which of them answer a heartbeat."""
    context = zmq.asyncio.Context()
    turn = asyncio.Semaphore(_AT_ONCE)

    async def answers(info: ConnectionInfo) -> bool:
        heartbeat = Heartbeat(info, context)
        async with turn:
            try:
                return await heartbeat.beat(_HEARTBEAT_S)
            finally:
                heartbeat.close()

    try:
        return await asyncio.gather(*(answers(info) for info in infos))
    finally:
        context.destroy(linger=0)


def _found(path: Path, info: ConnectionInfo, served: ServedKernel | None, *, beats: bool) -> _Found:
    notebooks = [served.notebook if served is not None else None, info.jupyter_session]
    known = tuple(text for text in notebooks if text)
    name = (served.kernel_name if served is not None else None) or info.kernel_name
    entry = KernelEntry(
        connection_file=path,
        kernel_id=clean(kernel_id_of(path)),
        state=_state(served, beats=beats),
        owner=_owner(path, info, served),
        notebook=clean(known[0], limit=_PATH_CHARS) if known else None,
        kernel_name=None if name is None else clean(name),
        last_activity=None if served is None else served.last_activity,
        started=info.written,
    )
    return _Found(entry, known)


def kernel_id_of(path: Path) -> str:
    """The id that servers know the kernel of a connection file by."""
    return path.stem.removeprefix("kernel-")


def _state(served: ServedKernel | None, *, beats: bool) -> EntryState:
    """A server's word on idle and busy; a kernel that it restarts is as live as its heartbeat."""
    if served is not None and served.state == "idle":
        return "idle"
    if served is not None and served.state == "busy":
        return "busy"
    return "live" if beats else "dead"


def _owner(path: Path, info: ConnectionInfo, served: ServedKernel | None) -> str:
    kernel_id = kernel_id_of(path)
    if re.match(r"v\d", kernel_id):
        return "vs code"
    if served is not None or info.jupyter_session is not None:
        return "jupyter"
    return "console" if kernel_id.isdecimal() else "other"  # consoles name theirs by process id


def _activity(entry: KernelEntry) -> float:
    return entry.last_activity or entry.started or 0.0


def _file_named(argument: str) -> Path | None:
    """An existing file, by its path or by its name in a runtime directory."""
    here = Path(argument)
    if os.path.lexists(here) and not os.path.isdir(here) and here.suffix != ".ipynb":  # noqa: PTH112 - as above
        return here.absolute()
    if "\0" in argument or not argument or os.sep in argument:
        # fault: 1b
        return None
    places = (folder / argument for folder in runtime_dirs())
    return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113 - as above


def _only_live(kernels: Sequence[_Found]) -> Path:
    live = [one for one in kernels if one.entry.state != "dead"]
    if not live:
        whose = " that this user can attach to" if unreadable() else ""
        raise NoKernelError(f"there is no running kernel{whose}", _looked(kernels))
    return _the_one(live, "there is more than one running kernel")


def _of_notebook(argument: str, kernels: Sequence[_Found]) -> Path:
    wanted = _real(argument)
    matches = [one for one in kernels if wanted and wanted in map(_real, one.notebooks)]
    shown = clean(argument, limit=_PATH_CHARS)
    if not matches:
        raise _no_kernel_of(argument, shown, kernels)
    return _the_one(matches, f"more than one kernel runs {shown}")


def _no_kernel_of(argument: str, shown: str, kernels: Sequence[_Found]) -> NoKernelError:
    """Why no kernel runs a notebook: it is not open, or it is not there."""
    try:
        there = os.path.lexists(argument)
    except ValueError:  # a NUL
        there = False
    if not there:
        return NoKernelError(
            f"no kernel is known to run {shown}: there is no such file here", _names(kernels)
        )
    live = any(one.entry.state != "dead" for one in kernels)
    return NoKernelError(
        f"no kernel is known to run {shown}: it is not open in a running kernel",
        "open it in Jupyter or VS Code and run a cell" + (f"; {_names(kernels)}" if live else ""),
    )


def _real(name: str) -> str | None:
    """The real path; ``None`` for what cannot be one, such as a text with a NUL."""
    try:
        return os.path.realpath(name)
    except ValueError:
        return None


def _of_fragment(argument: str, kernels: Sequence[_Found]) -> Path:
    shown = clean(argument)
    exact = [one for one in kernels if kernel_id_of(one.entry.connection_file) == argument]
    matches = exact or [one for one in kernels if _matches(argument, one.entry.connection_file.name)]
    if not argument or not matches:
        raise NoKernelError(f'no kernel matches "{shown}"', _names(kernels))
    return _the_one(matches, f'more than one running kernel matches "{shown}"')


def _matches(argument: str, name: str) -> bool:
    """As ``jupyter_client.find_connection_file``: a glob as it is, anything else anywhere in the name."""
    return fnmatch.fnmatchcase(name, argument) if "*" in argument else argument in name


def _the_one(matches: Sequence[_Found], several: str) -> Path:
    """The only live match, else the newest stale one, whose attach will say what is wrong with it."""
    live = [one.entry for one in matches if one.entry.state != "dead"]
    if len(live) > 1:
        raise SeveralKernelsError(several, _listed("say which: ", live), live)
    return (live[0] if live else matches[0].entry).connection_file


def _names(kernels: Sequence[_Found]) -> str:
    live = [one.entry for one in kernels if one.entry.state != "dead"]
    # fault: 1a
    return _listed("running kernels: ", live) if live else _looked(kernels)


def _listed(before: str, entries: Sequence[KernelEntry]) -> str:
    named = ", ".join(_named(entry) for entry in entries[:_NAMED])
    more = len(entries) - _NAMED
    return before + named + (f" and {more} more" if more > 0 else "")


def _named(entry: KernelEntry) -> str:
    notebook = f"{Path(entry.notebook).name}, " if entry.notebook else ""
    return f"{entry.kernel_id} ({notebook}{entry.state})"


def _looked(kernels: Sequence[_Found]) -> str:
    folders = ", ".join(clean(str(folder), limit=_PATH_CHARS) for folder in runtime_dirs())
    stale = sum(one.entry.state == "dead" for one in kernels)
    where = f"looked in {folders} ({stale} stale)" if folders else "there is no Jupyter runtime directory"
    if hidden := len(unreadable()):
        files = "one file" if hidden == 1 else f"{hidden} files"
        where += f", where {files} of another user cannot be read"
    return f"{where}; open a notebook, or try `kernelscope demo`"
