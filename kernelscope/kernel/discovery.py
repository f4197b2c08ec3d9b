"""Finds the kernels that exist, and the one that an argument names.

Only heartbeats are sent to a kernel here, so that discovery changes no kernel's last activity
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
from kernelscope.kernel.connection_file import ConnectionInfo, read_connection_file
from kernelscope.kernel.entry import EntryState, KernelEntry
from kernelscope.kernel.heartbeat import Heartbeat
from kernelscope.kernel.runtime_dirs import find_unreadable, list_connection_files, runtime_dirs
from kernelscope.kernel.servers import ServedKernel, fetch_served_kernels
from kernelscope.text import clean

_HEARTBEAT_S = 1.0
_AT_ONCE = 64
"""Heartbeats in flight: each takes a few file descriptors."""
_NAMED = 5
"""The most kernels that a message names."""
_PATH_CHARS = 4_096


class SeveralKernelsError(NoKernelError):
    """The argument fits more than one live kernel; ``kernels`` has them for a picker."""

    def __init__(self, title: str, hint: str, kernels: Sequence[KernelEntry]) -> None:
        super().__init__(title, hint)
        self.kernels = tuple(kernels)


@dataclass(frozen=True)
class _Candidate:
    """An entry, and the raw notebook names that it was made from, which are matched and never shown."""

    entry: KernelEntry
    notebooks: tuple[str, ...]


async def find_kernels() -> list[KernelEntry]:
    """Every kernel with a usable file in the runtime directories: live first, then by activity.

    Takes about a second if there are stale files.
    """
    return [candidate.entry for candidate in await _find_candidates()]


async def resolve(argument: str | None) -> Path:
    """The connection file that an argument names, as in ``jupyter console --existing``.

    Args:
        argument: a connection file, its name, a fragment of it, a kernel id, or the path of a
            notebook; ``None`` is the only live kernel.

    Raises:
        SeveralKernelsError: it fits more than one live kernel.
        NoKernelError: it fits none.
    """
    if argument is None:
        return _only_live(await _find_candidates())
    direct = _file_named(argument)
    if direct is not None:
        return direct
    kernels = await _find_candidates()
    if argument.endswith(".ipynb"):
        return _of_notebook(argument, kernels)
    return _of_fragment(argument, kernels)


async def _find_candidates() -> list[_Candidate]:
    folders, infos = await asyncio.to_thread(_read_files)
    served, heartbeats = await asyncio.gather(fetch_served_kernels(folders), _beat_all(list(infos.values())))
    candidates = [
        _make_candidate(path, info, served.get(kernel_id_of(path)), has_heartbeat=beat)
        for (path, info), beat in zip(infos.items(), heartbeats, strict=True)
    ]
    return sorted(candidates, key=lambda one: (one.entry.state == "dead", -_activity(one.entry)))


def _read_files() -> tuple[list[Path], dict[Path, ConnectionInfo]]:
    """The runtime directories and their usable connection files."""
    folders = runtime_dirs()
    infos = {}
    for path in sorted(path for folder in folders for path in list_connection_files(folder)):
        try:
            infos[path] = read_connection_file(path, insecure=True, insecure_file=True)
        except ConnectionFileError:
            continue
    return folders, infos


async def _beat_all(infos: Sequence[ConnectionInfo]) -> list[bool]:
    """Whether each of them answers a heartbeat."""
    context = zmq.asyncio.Context()
    semaphore = asyncio.Semaphore(_AT_ONCE)

    async def answers(info: ConnectionInfo) -> bool:
        heartbeat = Heartbeat(info, context)
        async with semaphore:
            try:
                return await heartbeat.beat(_HEARTBEAT_S)
            finally:
                heartbeat.close()

    try:
        return await asyncio.gather(*(answers(info) for info in infos))
    finally:
        context.destroy(linger=0)


def _make_candidate(
    path: Path, info: ConnectionInfo, served: ServedKernel | None, *, has_heartbeat: bool
) -> _Candidate:
    notebooks = [served.notebook if served is not None else None, info.jupyter_session]
    known = tuple(text for text in notebooks if text)
    name = (served.kernel_name if served is not None else None) or info.kernel_name
    entry = KernelEntry(
        connection_file=path,
        kernel_id=clean(kernel_id_of(path)),
        state=_state(served, has_heartbeat=has_heartbeat),
        owner=_owner(path, info, served),
        notebook=clean(known[0], limit=_PATH_CHARS) if known else None,
        kernel_name=None if name is None else clean(name),
        last_activity=None if served is None else served.last_activity,
        started=info.written,
    )
    return _Candidate(entry, known)


def kernel_id_of(path: Path) -> str:
    """The id that servers know the kernel of a connection file by."""
    return path.stem.removeprefix("kernel-")


def _state(served: ServedKernel | None, *, has_heartbeat: bool) -> EntryState:
    """Idle and busy as the server reports; otherwise the heartbeat decides."""
    if served is not None and served.state == "idle":
        return "idle"
    if served is not None and served.state == "busy":
        return "busy"
    return "live" if has_heartbeat else "dead"


def _owner(path: Path, info: ConnectionInfo, served: ServedKernel | None) -> str:
    kernel_id = kernel_id_of(path)
    if re.match(r"v\d", kernel_id):
        return "vs code"
    if served is not None or info.jupyter_session is not None:
        return "jupyter"
    return "console" if kernel_id.isdecimal() else "other"  # a console names its file by its process id


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
    paths = (folder / argument for folder in runtime_dirs())
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - as above


def _only_live(kernels: Sequence[_Candidate]) -> Path:
    live = [one for one in kernels if one.entry.state != "dead"]
    if not live:
        whose = " that this user can attach to" if find_unreadable() else ""
        raise NoKernelError(f"there is no running kernel{whose}", _describe_search(kernels))
    return _the_one(live, "there is more than one running kernel")


def _of_notebook(argument: str, kernels: Sequence[_Candidate]) -> Path:
    wanted = _real_path(argument)
    matches = [one for one in kernels if wanted and wanted in map(_real_path, one.notebooks)]
    shown = clean(argument, limit=_PATH_CHARS)
    if not matches:
        raise _no_kernel_runs(argument, shown, kernels)
    return _the_one(matches, f"more than one kernel runs {shown}")


def _no_kernel_runs(argument: str, shown: str, kernels: Sequence[_Candidate]) -> NoKernelError:
    """Why no kernel runs a notebook: it is not open, or it does not exist."""
    try:
        exists = os.path.lexists(argument)
    except ValueError:  # a NUL
        exists = False
    if not exists:
        return NoKernelError(
            f"no kernel is known to run {shown}: there is no such file here", _list_running(kernels)
        )
    live = any(one.entry.state != "dead" for one in kernels)
    return NoKernelError(
        f"no kernel is known to run {shown}: it is not open in a running kernel",
        "open it in Jupyter or VS Code and run a cell" + (f"; {_list_running(kernels)}" if live else ""),
    )


def _real_path(name: str) -> str | None:
    """The real path; ``None`` for a text that cannot be a path, such as one with a NUL."""
    try:
        return os.path.realpath(name)
    except ValueError:
        return None


def _of_fragment(argument: str, kernels: Sequence[_Candidate]) -> Path:
    shown = clean(argument)
    exact = [one for one in kernels if kernel_id_of(one.entry.connection_file) == argument]
    matches = exact or [one for one in kernels if _matches(argument, one.entry.connection_file.name)]
    if not argument or not matches:
        raise NoKernelError(f'no kernel matches "{shown}"', _list_running(kernels))
    return _the_one(matches, f'more than one running kernel matches "{shown}"')


def _matches(argument: str, name: str) -> bool:
    """As ``jupyter_client.find_connection_file``: a glob is matched whole, other text anywhere in the name."""
    return fnmatch.fnmatchcase(name, argument) if "*" in argument else argument in name


def _the_one(matches: Sequence[_Candidate], several: str) -> Path:
    """The only live match, else the newest stale one: attaching to it reports what is wrong."""
    live = [one.entry for one in matches if one.entry.state != "dead"]
    if len(live) > 1:
        raise SeveralKernelsError(several, _list_entries("name one of them: ", live), live)
    return (live[0] if live else matches[0].entry).connection_file


def _list_running(kernels: Sequence[_Candidate]) -> str:
    live = [one.entry for one in kernels if one.entry.state != "dead"]
    # fault: 1a
    return _list_entries("running kernels: ", live) if live else _describe_search(kernels)


def _list_entries(before: str, entries: Sequence[KernelEntry]) -> str:
    names = ", ".join(_describe(entry) for entry in entries[:_NAMED])
    more = len(entries) - _NAMED
    return before + names + (f" and {more} more" if more > 0 else "")


def _describe(entry: KernelEntry) -> str:
    notebook = f"{Path(entry.notebook).name}, " if entry.notebook else ""
    return f"{entry.kernel_id} ({notebook}{entry.state})"


def _describe_search(kernels: Sequence[_Candidate]) -> str:
    folders = ", ".join(clean(str(folder), limit=_PATH_CHARS) for folder in runtime_dirs())
    stale = sum(one.entry.state == "dead" for one in kernels)
    where = f"looked in {folders} ({stale} stale)" if folders else "there is no Jupyter runtime directory"
    if hidden := len(find_unreadable()):
        files = "one file" if hidden == 1 else f"{hidden} files"
        where += f", where {files} of another user cannot be read"
    return f"{where}; open a notebook, or try `kernelscope demo`"
