"""Finds what a command's argument names: a live kernel, or a recording."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kernelscope.cli.runtime import print_message, run, run_app
from kernelscope.errors import NoKernelError, UsageError
from kernelscope.system import STANDARD_INPUT
from kernelscope.userfiles import open_regular, refuse_sources

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions
    from kernelscope.kernel.connection_file import Connection
    from kernelscope.kernel.entry import KernelEntry
    from kernelscope.session import Session, Source
    from kernelscope.timeline.timeline import Update

DEMO_PAUSE_S = 0.7
"""Seconds between two cells of the demo, so that a viewer sees the timeline fill."""
_SQLITE = b"SQLite format 3\0"


def resolve_connection(connection: str | None, *, output: Path | None = None) -> Connection:
    """What CONNECTION names: a connection file, or connection info from standard input.

    Args:
        output: the file that will be written; must not be the connection file or its notebook.

    Raises:
        NoKernelError: it names no kernel, or several.
        UsageError: the output is one of the files that are read.
    """
    from kernelscope.kernel.connection_file import PipedConnection, parse_connect_info
    from kernelscope.kernel.discovery import resolve
    from kernelscope.kernel.runtime_dirs import read_notebook_name

    if connection == "-":
        if output is not None:
            refuse_sources(output, [STANDARD_INPUT])
        return PipedConnection(parse_connect_info(_read_standard_input()))
    if output is not None and connection is not None:
        refuse_sources(output, [Path(connection)])
    file = run(resolve(connection))
    if output is not None:
        refuse_sources(output, [file, *map(Path, filter(None, [read_notebook_name(file)]))])
    return file


def _read_standard_input() -> str:
    """As much of it as connection info can be, whatever bytes it is."""
    if sys.stdin is None:
        raise UsageError(
            "there is no standard input to read the connection info from",
            "Pipe the output of %connect_info into kernelscope, or name a connection file.",
        )
    return sys.stdin.buffer.read(65_536).decode("utf-8", "replace")


def open_live_source(connection: Connection, options: AttachOptions) -> Source:
    """The live kernel of a connection; warns if its messages are not verified."""
    from kernelscope.kernel.live_source import LiveSource

    source = LiveSource(connection, options)
    # fault: 5c
    if not source.is_signed:
        print_message("the connection file has no key, so messages are not verified")
    return source


def choose_source(
    connection: str | None, options: AttachOptions, *, record: Path | None = None
) -> Source | Path | None:
    """The named kernel, or the kernel or recording that the user picks on the screen; ``None``: none was."""
    if connection is not None:
        return open_live_source(resolve_connection(connection, output=record), options)
    try:
        return open_live_source(resolve_connection(None, output=record), options)
    except NoKernelError:  # none, or several
        return _pick_source(options)


def _pick_source(options: AttachOptions) -> Source | Path | None:
    from kernelscope.demo import DemoSource
    from kernelscope.kernel.discovery import find_kernels
    from kernelscope.kernel.runtime_dirs import runtime_dirs
    from kernelscope.tui.picker_app import PickerApp

    picked: KernelEntry | Path | str | None = run_app(
        PickerApp(find_kernels, looked_in=[str(path) for path in runtime_dirs()])
    )
    if picked is None or isinstance(picked, Path):
        return picked
    if isinstance(picked, str):
        return DemoSource(pause=DEMO_PAUSE_S, stay=True)
    return open_live_source(picked.connection_file, options)


def is_recording(name: str) -> bool:
    """Whether a file is a recording, by its content: a connection file is JSON."""
    try:
        # fault: 8d
        with open_regular(Path(name)) as file:
            return file.read(len(_SQLITE)) == _SQLITE or name.endswith(".kscope")
    except (OSError, ValueError):
        return name.endswith(".kscope")


def load_session(
    where: str | None, options: AttachOptions, *, rejudge: bool = False, output: Path | None = None
) -> Session:
    """Loads all that a recording holds, or all that the probe of a live kernel knows, in one request.

    Args:
        where: a recording, or a connection.
        options: how a live kernel is attached to.
        rejudge: this version judges what the recording holds.
        output: the file that will be written from it; must not be one of the files that are read.

    Raises:
        UsageError: the output is one of the files that are read.
    """
    from msgspec.structs import replace

    from kernelscope.session import Session

    if where is not None and is_recording(where):
        from kernelscope.storage.recording import RecordingSource, files_of

        if output is not None:
            refuse_sources(output, files_of(Path(where)))
        session = Session(RecordingSource(Path(where), rejudge=rejudge))
        run(session.run())
        return session
    connection = resolve_connection(where, output=output)
    session = Session(open_live_source(connection, replace(options, visits=True)))
    session.listen(_report_waiting)
    run(session.run())
    kernel = session.view.kernel
    if output is not None and kernel is not None and kernel.notebook is not None:
        refuse_sources(output, [Path(kernel.cwd) / kernel.notebook])
    return session


def _report_waiting(update: Update) -> None:
    from kernelscope.domain.events import Waiting

    if isinstance(update.event, Waiting):
        print_message(update.event.reason)
