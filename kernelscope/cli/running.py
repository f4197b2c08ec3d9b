"""What commands are made of: how one is run, and its source and listeners."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kernelscope.domain.events import Waiting
from kernelscope.errors import KernelscopeError, NoKernelError, UsageError
from kernelscope.export.recordings import recording_summary
from kernelscope.system import STANDARD_INPUT, on_end_signals, open_terminal
from kernelscope.text import clean, clean_block
from kernelscope.userfiles import open_regular, refuse_sources

if TYPE_CHECKING:
    from kernelscope.expectations.language import Expectation
    from kernelscope.kernel.entry import KernelEntry
    from kernelscope.kernel.files import Connection
    from kernelscope.session import Session, Source
    from kernelscope.timeline.timeline import Update
    from kernelscope.tui.base_app import BaseApp

DEMO_PAUSE_S = 0.7
"""Between two cells of the demo, so that one can see the timeline fill."""

T = TypeVar("T")


def on_a_terminal() -> bool:
    """Whether a dashboard can be shown and worked on."""
    return not no_terminals()


def no_terminals(*, but_input: bool = False) -> list[str]:
    """Those of the standard streams that are none, by name; one that is closed is ``None``."""
    streams = {"standard output": sys.stdout, "standard error": sys.stderr}  # where Textual draws
    if not but_input:
        streams = {"standard input": sys.stdin, **streams}
    return [name for name, stream in streams.items() if stream is None or not stream.isatty()]


def tell_what_looking_costs(poll: float | None) -> None:
    """Before it begins."""
    if poll is not None:
        talk(
            f"a thread in the kernel will look every {poll:g} s between runs: about half a "
            "millisecond each with ten models, 50 ms at most. What it finds counts as activity of the kernel, "
            "so that a server which culls idle kernels may keep it."
        )


def can_be_drawn_on() -> bool:
    """Whether the terminal is one that has a cursor to move."""
    # fault: 78a
    return os.environ.get("TERM") not in ("dumb", "unknown")


def take_keys_from_the_terminal() -> None:
    """In place of the pipe that the connection info came through, and that has ended."""
    with open_terminal() as terminal:
        os.dup2(terminal.fileno(), 0)


def watched(
    source: Source,
    as_json: bool,
    record: Path | None = None,
    expected: Sequence[Expectation] = (),
) -> None:
    """A session whose updates go to standard output, and after them what became of the expectations."""
    from kernelscope.export.lines import JsonLines, PlainLines
    from kernelscope.session import Session

    with recorded(Session(source), record) as session:
        session.listen(JsonLines(session.timeline) if as_json else PlainLines())
        if not expected:
            run(session.run())
            return
        from kernelscope.cli.judging import judged

        judged(session, expected, as_json)


def watched_command(
    command: Sequence[str],
    as_json: bool,
    record: Path | None,
    expected: Sequence[Expectation],
    options: dict[str, Any],
) -> None:
    """The kernels that a command starts; its exit status is ours, unless we have something to say."""
    from kernelscope.kernel.started import CommandSource

    unwatched: list[str] = []

    def left_out(why: str) -> None:
        talk(why)
        unwatched.append(why)

    source = CommandSource(command, left_out, **options)
    watched(source, as_json, record, expected)
    if not source.kernels:
        hint = "It must start kernels as Jupyter does, where kernelscope is installed, too."
        talk(f"{source.shown} started no kernel that was watched\n  {hint}")
    if source.status:
        talk(f"{source.shown} ended with exit status {source.status}")
        raise SystemExit(source.status)
    if not source.kernels:
        raise SystemExit(NoKernelError.exit_code)
    if unwatched and expected:
        talk("what is expected cannot be told of kernels that were not watched")
        raise SystemExit(1)


@contextlib.contextmanager
def recorded(
    session: Session, file: Path | None, warn: Callable[[str], None] | None = None
) -> Iterator[Session]:
    """The session, with a recorder among its listeners where a file was named.

    Args:
        warn: shows at once, on a screen, what standard error is told when the screen has gone.
    """
    later: list[str] = []

    def failed(why: str) -> None:
        told = f"the recording has ended: {why}"
        if warn is None:
            talk(told)
        else:
            later.append(told)
            # fault: 90g
            warn(told)

    if file is not None:
        session.record(file, failed)
    try:
        yield session
    finally:
        result = session.stop_recording()
        for line in later:
            talk(line)
        if result is not None:
            talk(recording_summary(result))


def chosen(connection: str | None, *, record: Path | None = None, **options: Any) -> Source | Path | None:
    """The kernel that was named, or the kernel or recording picked on the screen; ``None`` where nothing was."""
    if connection is not None:
        return live_source(connection_named(connection, output=record), **options)
    try:
        return live_source(connection_named(None, output=record), **options)
    except NoKernelError:  # none, or several
        return _picked(**options)


def _picked(**options: Any) -> Source | Path | None:
    from kernelscope.demo import DemoSource
    from kernelscope.kernel.discovery import find_kernels
    from kernelscope.kernel.places import runtime_dirs
    from kernelscope.tui.picker_app import PickerApp

    picked: KernelEntry | Path | str | None = shown(
        PickerApp(find_kernels, looked_in=[str(path) for path in runtime_dirs()])
    )
    if picked is None or isinstance(picked, Path):
        return picked
    if isinstance(picked, str):
        return DemoSource(pause=DEMO_PAUSE_S, stay=True)
    return live_source(picked.connection_file, **options)


def show_recording(file: Path, *, anew: bool = False, play: bool = False, speed: float = 1.0) -> None:
    """The dashboard; see ``replay`` for the rest."""
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource
    from kernelscope.tui.app import KernelscopeApp

    source = RecordingSource(file, follow=True, anew=anew)
    app = KernelscopeApp(Session(source), title=clean(file.name), about=source.about(), play=play)
    app.view.playback.speed = speed
    shown(app)


def live_source(connection: Connection, **options: Any) -> Source:
    """The kernel of a connection; it is said where nothing vouches for what it tells."""
    from kernelscope.kernel.live import LiveSource

    source = LiveSource(connection, **options)
    # fault: 5c
    if not source.signed:
        talk("the connection file has no key, so messages are not verified")
    return source


_SQLITE = b"SQLite format 3\0"


def is_recording(name: str) -> bool:
    """By its content: a connection file is JSON."""
    try:
        # fault: 8d
        with open_regular(Path(name)) as file:
            return file.read(len(_SQLITE)) == _SQLITE or name.endswith(".kscope")
    except (OSError, ValueError):
        return name.endswith(".kscope")


def heard(where: str | None, *, anew: bool = False, output: Path | None = None, **options: Any) -> Session:
    """All that a recording holds, or that the probe of a live kernel knows: that is asked once, and left.

    Args:
        where: a recording, or a connection.
        anew: a recording is judged by this version.
        output: the file that will be written from it; must not be what is read.
        options: of a live source.

    Raises:
        UsageError: the output is what is read.
    """
    from kernelscope.session import Session

    if where is not None and is_recording(where):
        from kernelscope.storage.recording import RecordingSource, files_of

        if output is not None:
            refuse_sources(output, files_of(Path(where)))
        session = Session(RecordingSource(Path(where), anew=anew))
        run(session.run())
        return session
    session = Session(live_source(connection_named(where, output=output), visits=True, **options))
    session.listen(_tell_why_it_waits)
    run(session.run())
    kernel = session.timeline.kernel
    if output is not None and kernel is not None and kernel.notebook is not None:
        refuse_sources(output, [Path(kernel.cwd) / kernel.notebook])
    return session


def _tell_why_it_waits(update: Update) -> None:
    if isinstance(update.event, Waiting):
        talk(update.event.reason)


def connection_named(connection: str | None, *, output: Path | None = None) -> Connection:
    """What CONNECTION names: a connection file, or connection info from standard input.

    Args:
        output: the file that will be written; must not be the connection file or its notebook.

    Raises:
        NoKernelError: it names no kernel, or several.
        UsageError: the output is what is read.
    """
    from kernelscope.kernel.discovery import resolve
    from kernelscope.kernel.files import PipedConnection, parse_connect_info
    from kernelscope.kernel.places import notebook_in

    if connection == "-":
        if output is not None:
            refuse_sources(output, [STANDARD_INPUT])
        return PipedConnection(parse_connect_info(_standard_input()))
    if output is not None and connection is not None:
        refuse_sources(output, [Path(connection)])
    found = run(resolve(connection))
    if output is not None:
        refuse_sources(output, [found, *map(Path, filter(None, [notebook_in(found)]))])
    return found


def _standard_input() -> str:
    """As much of it as connection info can be, whatever bytes it is."""
    if sys.stdin is None:
        raise UsageError("there is no standard input to read the connection info from")
    return sys.stdin.buffer.read(65_536).decode("utf-8", "replace")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs to the end; SIGTERM and SIGHUP end it as Ctrl-C does, so that the probe leaves."""

    async def with_signals() -> T:
        task = asyncio.ensure_future(work)
        on_end_signals(asyncio.get_running_loop(), task.cancel)
        return await task

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def shown(app: BaseApp[T]) -> T | None:
    """What the reader answered; an app that ended for another reason ends the command."""
    answer = app.run()
    if app.failure is not None:
        error = app.failure
        # fault: 73f
        raise KernelscopeError(f"kernelscope stumbled: {type(error).__name__}: {error}") from error
    if app.return_code:
        raise SystemExit(app.return_code)
    return answer


def talk(text: str) -> None:
    """To standard error; much of it may come from a kernel, or from the name of a file."""
    click.echo(clean_block(f"kernelscope: {text}"), err=True)
