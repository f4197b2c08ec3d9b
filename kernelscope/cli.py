"""The command line: parses, builds a source and its listeners, turns errors into exit codes.

What a command needs is imported by that command: ``kernelscope --help`` must not wait for Textual.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import io
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kernelscope import __version__
from kernelscope.errors import KernelscopeError, NoKernelError, UsageError
from kernelscope.text import clean, clean_block

if TYPE_CHECKING:
    from kernelscope.kernel.entry import KernelEntry
    from kernelscope.session import Session, Source
    from kernelscope.tui.themed import ThemedApp

INTERRUPTED = 130
DEMO_PAUSE_S = 0.7
"""Between two cells of the demo, so that one can see the timeline fill."""

T = TypeVar("T")


class _Commands(click.Group):
    """``kernelscope CONNECTION`` is ``kernelscope attach CONNECTION``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if not args or (args[0] not in self.commands and args[0] not in own):
            if args and (meant := _mistyped(args[0], self.commands)):
                raise UsageError(
                    f"there is no command {clean(args[0])}", f"Did you mean `kernelscope {meant}`?"
                )
            args = ["attach", *args]
        return super().parse_args(ctx, args)


def _mistyped(argument: str, commands: Iterable[str]) -> str | None:
    """The command that a word nearly is; a file, an option and a kernel's id are no words."""
    if not argument.isalpha() or os.path.lexists(argument):
        return None
    return next(iter(difflib.get_close_matches(argument, commands, n=1, cutoff=0.75)), None)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kernelscope")
def cli() -> None:
    """What each run of a notebook cell does to each model, from your own live kernel.

    `kernelscope CONNECTION` opens the dashboard. CONNECTION is a connection file, its name or a
    fragment of it, a kernel id, a notebook's path, or - for the output of %connect_info on standard
    input. Without it: the only live kernel, else a picker.

    kernelscope never interrupts, restarts or ends a kernel that it did not start, and leaves
    nothing behind in it.
    """


_CONNECTION = (
    "CONNECTION is a connection file, its name or a fragment of it, a kernel id, a notebook's path, or - for "
    "the output of %connect_info on standard input. Without it: the only live kernel."
)
_connection = click.argument("connection", required=False)
_insecure = click.option(
    "--insecure", is_flag=True,
    help="Accept a connection file without a key also where the kernel is on another machine: nothing then "
    "tells its messages from anybody's.",
)  # fmt: skip
_insecure_file = click.option(
    "--insecure-file", is_flag=True,
    help="Accept a connection file that belongs to another user, or that others can read or change.",
)  # fmt: skip
_keep = click.option(
    "--keep", default="0s", metavar="DURATION", callback=lambda *a: _seconds(a[-1], "--keep"),
    help="Let the probe stay in the kernel that long after the last watcher has left (90s, 10m, 2h).",
)  # fmt: skip
_poll = click.option(
    "--poll", type=click.FloatRange(min=0.1), metavar="SECONDS",
    help="Look between runs as well, that often: for models that change outside cells. A thread of "
    "the probe does so, and speaks only when something changed; that counts as the kernel's activity.",
)  # fmt: skip
_limit = click.option(
    "--timeout", "limit", type=click.FloatRange(min=0.1), metavar="SECONDS",
    help="Give up (exit status 4) where the kernel is too busy to be attached to for that long.",
)  # fmt: skip


_record = click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all that comes into a new file, for `kernelscope replay`.",
)


@cli.command(short_help="The dashboard; also without the word attach.", epilog=_CONNECTION)
@_connection
@_poll
@_keep
@_limit
@_insecure
@_insecure_file
@_record
def attach(
    connection: str | None,
    poll: float | None,
    keep: float,
    limit: float | None,
    insecure: bool,
    insecure_file: bool,
    record: Path | None,
) -> None:
    """The dashboard: the timeline of every model, as the cells run."""
    piped = connection == "-" and "standard input" in _no_terminals()
    if not_one := _no_terminals(but_input=piped):
        raise UsageError(
            f"the dashboard needs a terminal: {', '.join(not_one)} {'is' if len(not_one) == 1 else 'are'} none",
            "`kernelscope watch` writes the same as lines, `kernelscope watch --json` for scripts.",
        )
    _tell_what_looking_costs(poll)
    options: dict[str, Any] = {"poll": poll, "keep": keep, "limit": limit}
    options |= {"insecure": insecure, "insecure_file": insecure_file}
    if not _can_be_drawn_on():
        _talk("this terminal cannot be drawn on (TERM says so): here are the runs as lines")
        with _connection_file(connection) as path:
            _watch(_live(path, **options), False, record)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    with _chosen(connection, **options) as source:
        if source is not None:
            if piped:
                _take_keys_from_the_terminal()
            app = KernelscopeApp(Session(source), poll=poll)
            with _recorded(app.session, record, app.warn):
                _shown(app)


@cli.command(short_help="A line per run; --json for scripts.", epilog=_CONNECTION)
@_connection
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: the contract for scripts.")
@_poll
@_keep
@_limit
@_insecure
@_insecure_file
@_record
def watch(
    connection: str | None,
    as_json: bool,
    poll: float | None,
    keep: float,
    limit: float | None,
    insecure: bool,
    insecure_file: bool,
    record: Path | None,
) -> None:
    """What each run did to each model, as lines, until the kernel has ended or Ctrl-C."""
    options = {"poll": poll, "keep": keep, "limit": limit}
    with _connection_file(connection) as path:
        _tell_what_looking_costs(poll)
        _watch(_live(path, **options, insecure=insecure, insecure_file=insecure_file), as_json, record)


@cli.command(short_help="Open a recording; no kernel is needed.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON lines, on a terminal, too.")
def replay(file: Path, as_json: bool) -> None:
    """Open a recording: in the dashboard or, without a terminal, as lines. No kernel is needed."""
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    source = RecordingSource(file)
    if as_json or not (_on_a_terminal() and _can_be_drawn_on()):
        _watch(source, as_json)
        return
    from kernelscope.tui.app import KernelscopeApp

    _shown(KernelscopeApp(Session(source), title=file.name))


@cli.command(short_help="The kernels that can be attached to.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def ls(as_json: bool) -> None:
    """Kernels that can be attached to, with notebook, state and last activity.

    Nothing is asked of any kernel: a heartbeat tells that it lives, its server's word, where it has
    one, what it does.
    """
    from kernelscope.export.listing import json_line, table
    from kernelscope.kernel.discovery import find_kernels

    entries = _run(find_kernels())
    if as_json:
        for entry in entries:
            click.echo(json_line(entry))
    elif entries:
        click.echo(table(entries))
    else:
        click.echo("no kernel found: open a notebook, or try `kernelscope demo`", err=True)


@cli.command(short_help="Take the probe out of the kernel.", epilog=_CONNECTION)
@_connection
@_limit
@_insecure
@_insecure_file
def detach(connection: str | None, limit: float | None, insecure: bool, insecure_file: bool) -> None:
    """Take the probe out of the kernel, whoever put it in."""
    from kernelscope.kernel.live import take_out

    with _connection_file(connection) as path:
        there = _run(take_out(path, limit=limit, insecure=insecure, insecure_file=insecure_file))
    click.echo("the probe has left the kernel" if there else "there was no probe in the kernel")


@cli.command(short_help="Prove what the probe did and did not change.", epilog=_CONNECTION)
@_connection
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--for", "seconds", default="3s", metavar="DURATION", callback=lambda *a: _seconds(a[-1], "--for"),
    help="Watch that long between the looks (default 3s); cells may run meanwhile.",
)  # fmt: skip
@_limit
@_insecure
@_insecure_file
def audit(
    connection: str | None,
    as_json: bool,
    seconds: float,
    limit: float | None,
    insecure: bool,
    insecure_file: bool,
) -> None:
    """Prove what the probe did and did not change: the kernel before, while and after it is watched.

    Exit status 1 where something is not as it was and no cell that ran meanwhile explains it.
    """
    from kernelscope.export.audit import is_clean, json_text, table
    from kernelscope.kernel.audit import audit as audited

    with _connection_file(connection) as path:
        told = _run(
            audited(path, seconds=seconds, limit=limit, insecure=insecure, insecure_file=insecure_file)
        )
    click.echo(json_text(told) if as_json else table(told))
    if not is_clean(told):
        raise SystemExit(1)


@cli.command(short_help="A kernel of its own, a notebook in it, and the dashboard.")
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON lines, on a terminal, too.")
def demo(as_json: bool) -> None:
    """Start a kernel of its own, play a notebook in it, and attach.

    On a terminal the dashboard opens and fills as the cells run; leaving it ends the demo's kernel.
    Elsewhere the runs are printed as lines.
    """
    from kernelscope.demo import DemoSource

    if as_json or not (_on_a_terminal() and _can_be_drawn_on()):
        _watch(DemoSource(), as_json)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    _shown(KernelscopeApp(Session(DemoSource(pause=DEMO_PAUSE_S, stay=True)), title="demo.ipynb"))


def _on_a_terminal() -> bool:
    return not _no_terminals()


def _no_terminals(*, but_input: bool = False) -> list[str]:
    """Those of the standard streams that are none, by name; one that is closed is ``None``."""
    streams = {"standard output": sys.stdout, "standard error": sys.stderr}  # where Textual draws
    if not but_input:
        streams = {"standard input": sys.stdin, **streams}
    return [name for name, stream in streams.items() if stream is None or not stream.isatty()]


def _tell_what_looking_costs(poll: float | None) -> None:
    """Before it begins."""
    if poll is not None:
        _talk(
            f"a thread in the kernel will look every {poll:g} s between runs: about half a "
            "millisecond each with ten models, 50 ms at most. What it finds counts as activity of the kernel, "
            "so that a server which culls idle kernels may keep it."
        )


def _can_be_drawn_on() -> bool:
    return os.environ.get("TERM") not in ("dumb", "unknown")


def _take_keys_from_the_terminal() -> None:
    """In place of the pipe that the connection info came through, and that has ended."""
    with open("/dev/tty", "rb") as terminal:  # noqa: PTH123 - a device, not a path of ours
        os.dup2(terminal.fileno(), 0)


def _watch(source: Source, as_json: bool, record: Path | None = None) -> None:
    """A session whose updates go to standard output."""
    from kernelscope.export.lines import JsonLines, PlainLines
    from kernelscope.session import Session

    with _recorded(Session(source), record) as session:
        session.listen(JsonLines(session.timeline) if as_json else PlainLines())
        _run(session.run())


@contextlib.contextmanager
def _recorded(
    session: Session, file: Path | None, warn: Callable[[str], None] | None = None
) -> Iterator[Session]:
    """The session, with a recorder among its listeners where a file was named.

    Args:
        warn: shows at once, on a screen, what standard error is told when the screen has gone.
    """
    if file is None:
        yield session
        return
    from kernelscope.storage.recorder import Recorder

    later: list[str] = []

    def failed(why: str) -> None:
        told = f"the recording has ended: {why}"
        if warn is None:
            _talk(told)
        else:
            later.append(told)
            warn(told)

    recorder = Recorder(file, failed)
    session.listen(recorder)
    try:
        yield session
    finally:
        recorder.close()
        for line in later:
            _talk(line)


@contextlib.contextmanager
def _chosen(connection: str | None, **options: Any) -> Iterator[Source | None]:
    """The kernel that was named, or picked on the screen; ``None`` where nothing was."""
    if connection is not None:
        with _connection_file(connection) as path:
            yield _live(path, **options)
        return
    try:
        with _connection_file(None) as path:
            only = _live(path, **options)
    except NoKernelError:  # none, or several
        yield _picked(**options)
    else:
        yield only


def _picked(**options: Any) -> Source | None:
    from kernelscope.demo import DemoSource
    from kernelscope.kernel.discovery import find_kernels, runtime_dirs
    from kernelscope.tui.picker import PickerApp

    picked: KernelEntry | str | None = _shown(
        PickerApp(find_kernels, looked_in=[str(path) for path in runtime_dirs()])
    )
    if picked is None:
        return None
    if isinstance(picked, str):
        return DemoSource(pause=DEMO_PAUSE_S, stay=True)
    return _live(picked.connection_file, **options)


def _live(path: Path, **options: Any) -> Source:
    """The kernel of a connection file; it is said where nothing vouches for what it tells."""
    from kernelscope.kernel.live import LiveSource

    source = LiveSource(path, **options)
    if not source.signed:
        _talk("the connection file has no key, so messages are not verified")
    return source


@contextlib.contextmanager
def _connection_file(connection: str | None) -> Iterator[Path]:
    """The connection file that CONNECTION names; one that was read from standard input goes again."""
    from kernelscope.kernel.discovery import resolve
    from kernelscope.kernel.files import parse_connect_info, write_private

    if connection == "-":
        path = write_private(parse_connect_info(_standard_input()))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
    else:
        yield _run(resolve(connection))


def _standard_input() -> str:
    """As much of it as connection info can be, whatever bytes it is."""
    if sys.stdin is None:
        raise UsageError("there is no standard input to read the connection info from")
    return sys.stdin.buffer.read(65_536).decode("utf-8", "replace")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Runs to the end; SIGTERM and SIGHUP end it as Ctrl-C does, so that the probe leaves."""

    async def with_signals() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):  # not on Windows
                loop.add_signal_handler(getattr(signal, name), task.cancel)
        return await task

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _shown(app: ThemedApp[T]) -> T | None:
    """What the reader answered; an app that ended for another reason ends the command."""
    answer = app.run()
    if app.stumbled is not None:
        error = app.stumbled
        raise KernelscopeError(f"kernelscope stumbled: {type(error).__name__}: {error}") from error
    if app.return_code:
        raise SystemExit(app.return_code)
    return answer


def _talk(text: str) -> None:
    """To standard error; much of it may come from a kernel, or from the name of a file."""
    click.echo(clean_block(f"kernelscope: {text}"), err=True)


def _seconds(text: str, option: str) -> float:
    """A duration: ``90s``, ``10m``, ``2h``, or bare seconds."""
    factor = {"s": 1, "m": 60, "h": 3_600}.get(text[-1:])
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise click.BadParameter(f"{text!r} is no duration: 90s, 10m and 2h are", param_hint=option)
    return seconds


def main(args: list[str] | None = None) -> None:
    """The entry point: every way out has its exit status, and none of them is a traceback."""
    try:
        _main(args)
    finally:
        _let_go_of_streams()


def _let_go_of_streams() -> None:
    """A terminal that was closed takes nothing any more: Python would end with 120 for what it has kept."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _main(args: list[str] | None) -> None:
    try:
        cli.main(args=args, prog_name="kernelscope", standalone_mode=False)
    except click.ClickException as error:
        error.show(told := io.StringIO())
        click.echo(clean_block(told.getvalue()), err=True, nl=False)
        raise SystemExit(error.exit_code) from None
    except KernelscopeError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        _talk(f"{error.title}{hint}")
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # Who read our lines has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
