"""``kernelscope record``: a session in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import (
    CONNECTION,
    LATE,
    NO_KERNEL,
    connection_argument,
    notes,
    watching_options,
)
from kernelscope.cli.runtime import print_message, run, warn_about_polling
from kernelscope.cli.sources import open_live_source, resolve_connection
from kernelscope.errors import RecordingError

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions
    from kernelscope.timeline.timeline import Update


@click.command(
    short_help="Record a session into a file.",
    epilog=notes(
        "kernelscope record churn.ipynb -o churn.kscope",
        about=CONNECTION,
        exits=f"2 if FILE is what is read; {NO_KERNEL}; {LATE}; 5 if FILE exists or cannot be "
        "written, or the recording ended early.",
    ),
)
@connection_argument
@click.option(
    "-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", required=True,
    help="A new file; `kernelscope replay FILE` opens it, even while it is being written.",
)  # fmt: skip
@watching_options
def record(connection: str | None, file: Path, options: AttachOptions) -> None:
    """Record what a kernel does, until it ends or Ctrl-C.

    Each run is in the file before the next one comes, with the verdicts and the facts behind them. The
    kernel's key is never in it.
    """
    from kernelscope.export.recordings import recording_summary
    from kernelscope.session import Session

    target = resolve_connection(connection, output=file)
    warn_about_polling(options.poll)
    session = Session(open_live_source(target, options))
    session.record(file, _end_with_recording)
    session.listen(_report_progress)
    try:
        run(session.run())
    finally:
        result = session.stop_recording()
        if result is not None:
            print_message(recording_summary(result))


def _end_with_recording(reason: str) -> None:
    """There is nothing to watch for once the recording has ended."""
    raise RecordingError(f"the recording has ended: {reason}")


def _report_progress(update: Update) -> None:
    from kernelscope.domain.events import Attached, Waiting

    match update.event:
        case Waiting(reason=reason):
            print_message(f"waiting: {reason}")
        case Attached(kernel=kernel):
            print_message(f"recording {kernel.notebook or kernel.connection_file}; Ctrl-C ends it")
