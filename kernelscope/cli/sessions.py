"""Runs sessions: printed as lines, shown in the dashboard, and recorded meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kernelscope.cli.runtime import NO, print_message, run, run_app
from kernelscope.errors import NoKernelError
from kernelscope.text import clean

if TYPE_CHECKING:
    from kernelscope.expectations.language import Expectation
    from kernelscope.kernel.attach_options import AttachOptions
    from kernelscope.session import Session, Source


def print_session(
    source: Source,
    as_json: bool,
    record: Path | None = None,
    expected: Sequence[Expectation] = (),
) -> None:
    """Prints a session's updates to standard output, and after them the outcome of each expectation."""
    from kernelscope.export.lines import JsonLines, PlainLines
    from kernelscope.session import Session

    with recording(Session(source), record) as session:
        session.listen(JsonLines(session.view) if as_json else PlainLines())
        if expected:
            from kernelscope.cli.expectations import report_expectations

            report_expectations(session, expected, as_json)
        else:
            run(session.run())


def watch_command(
    command: Sequence[str],
    as_json: bool,
    record: Path | None,
    expected: Sequence[Expectation],
    options: AttachOptions,
) -> None:
    """Watches the kernels that a command starts; ends with its exit status, unless kernelscope has one of its own."""
    from kernelscope.kernel.command_source import CommandSource

    unwatched: list[str] = []

    def report_unwatched(reason: str) -> None:
        print_message(reason)
        unwatched.append(reason)

    source = CommandSource(command, report_unwatched, options)
    print_session(source, as_json, record, expected)
    if not source.kernels:
        hint = "It must start kernels as Jupyter does, in an environment that has kernelscope installed."
        print_message(f"{source.shown} started no kernel that could be watched\n  {hint}")
    if source.status:
        print_message(f"{source.shown} ended with exit status {source.status}")
        raise SystemExit(source.status)
    if not source.kernels:
        raise SystemExit(NoKernelError.exit_code)
    if unwatched and expected:
        print_message("the expectations cannot be decided for kernels that were not watched")
        raise SystemExit(NO)


@contextlib.contextmanager
def recording(
    session: Session, file: Path | None, warn: Callable[[str], None] | None = None
) -> Iterator[Session]:
    """The session, recorded if a file is named; afterwards prints what became of the recording.

    Args:
        warn: shows a failure on the screen at once; without a screen it is printed to standard error.
    """
    after_screen: list[str] = []

    def report_failure(reason: str) -> None:
        message = f"the recording has ended: {reason}"
        if warn is None:
            print_message(message)
        else:
            after_screen.append(message)
            # fault: 90g
            warn(message)

    if file is not None:
        session.record(file, report_failure)
    try:
        yield session
    finally:
        result = session.stop_recording()
        for message in after_screen:
            print_message(message)
        if result is not None:
            from kernelscope.export.recordings import recording_summary

            print_message(recording_summary(result))


def show_recording(file: Path, *, rejudge: bool = False, play: bool = False, speed: float = 1.0) -> None:
    """Opens a recording in the dashboard; see ``replay`` for the options."""
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource
    from kernelscope.tui.app import KernelscopeApp

    source = RecordingSource(file, follow=True, rejudge=rejudge)
    app = KernelscopeApp(Session(source), title=clean(file.name), about=source.about(), play=play)
    app.view.playback.speed = speed
    run_app(app)
