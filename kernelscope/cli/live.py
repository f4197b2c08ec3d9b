"""Commands for kernels that live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from kernelscope.cli.options import (
    CONNECTION,
    LATE,
    NO_KERNEL,
    asking_options,
    connection_argument,
    expect_option,
    notes,
    record_option,
    seconds_of,
    watching_options,
)
from kernelscope.cli.running import (
    DEMO_PAUSE_S,
    can_be_drawn_on,
    chosen,
    connection_named,
    live_source,
    no_terminals,
    on_a_terminal,
    recorded,
    run,
    show_recording,
    shown,
    take_keys_from_the_terminal,
    talk,
    tell_what_looking_costs,
    watched,
    watched_command,
)
from kernelscope.domain.events import Attached, Waiting
from kernelscope.errors import RecordingError, UsageError
from kernelscope.expectations.language import Expectation
from kernelscope.export.recordings import recording_summary
from kernelscope.text import clean
from kernelscope.timeline.timeline import Update
from kernelscope.userfiles import display_path


@click.command(
    short_help="Open the dashboard; the word attach may be left out.",
    epilog=notes(
        "kernelscope churn.ipynb",
        "kernelscope attach 5e1c --record run.kscope",
        about=CONNECTION,
        exits=f"2 if there is no terminal; {NO_KERNEL}; {LATE}.",
    ),
)
@connection_argument
@watching_options
@record_option
def attach(
    connection: str | None,
    options: dict[str, Any],
    record: Path | None,
) -> None:
    """Open the dashboard: the timeline of every model, as the cells run."""
    piped = connection == "-" and "standard input" in no_terminals()
    if not_one := no_terminals(but_input=piped):
        raise UsageError(
            f"the dashboard needs a terminal: {', '.join(not_one)} {'is' if len(not_one) == 1 else 'are'} none",
            "`kernelscope watch` writes the same as lines, `kernelscope watch --json` for scripts.",
        )
    tell_what_looking_costs(options["poll"])
    if not can_be_drawn_on():
        talk("this terminal cannot be drawn on (TERM says so): here are the runs as lines")
        watched(live_source(connection_named(connection, output=record), **options), False, record)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    source = chosen(connection, record=record, **options)
    if isinstance(source, Path):
        show_recording(source)
    elif source is not None:
        if piped:
            take_keys_from_the_terminal()
        app = KernelscopeApp(Session(source), poll=options["poll"])
        with recorded(app.session, record, app.warn):
            shown(app)


class _WithCommand(click.Command):
    """What comes after ``--`` is a command of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args, ctx.obj = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command(
    cls=_WithCommand,
    short_help="Print a line per run; --json for scripts.",
    epilog=notes(
        "kernelscope watch churn.ipynb --json",
        "kernelscope watch --expect 'model: not reset' -- jupyter execute churn.ipynb",
        about=f"{CONNECTION} kernelscope runs COMMAND and watches each kernel that it starts as Jupyter does, from "
        "before its first cell; what COMMAND prints goes to standard error.",
        exits=f"0 when COMMAND has ended, or the kernel with --expect; 1 if an expectation does not hold or "
        f"cannot be decided; {NO_KERNEL}; {LATE}; else that of COMMAND.",
    ),
)
@connection_argument
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line, for scripts (`kernelscope help records`).",
)
@expect_option
@watching_options
@record_option
@click.pass_obj
def watch(
    command: list[str] | None,
    connection: str | None,
    as_json: bool,
    expected: tuple[Expectation, ...],
    options: dict[str, Any],
    record: Path | None,
) -> None:
    """Print what each run did to each model, as lines, until the kernel ends or Ctrl-C.

    With --expect, a broken expectation is reported on standard error at once, and the outcome of each
    expectation in the last lines.
    """
    if command is not None:
        if connection is not None or not command:
            raise UsageError(
                "watch takes a connection, or a command after --",
                "`kernelscope watch -- jupyter execute churn.ipynb`",
            )
        tell_what_looking_costs(options["poll"])
        watched_command(command, as_json, record, expected, options)
        return
    named = connection_named(connection, output=record)
    tell_what_looking_costs(options["poll"])
    watched(live_source(named, **options), as_json, record, expected)


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
def record(
    connection: str | None,
    file: Path,
    options: dict[str, Any],
) -> None:
    """Record what a kernel does, until it ends or Ctrl-C.

    Each run is in the file before the next one comes, with the verdicts and the facts behind them. The
    kernel's key is never in it.
    """
    from kernelscope.session import Session

    named = connection_named(connection, output=file)
    tell_what_looking_costs(options["poll"])
    session = Session(live_source(named, **options))
    session.record(file, _the_recording_is_all_there_is)
    session.listen(_tell_what_is_recorded)
    try:
        run(session.run())
    finally:
        result = session.stop_recording()
        if result is not None:
            talk(recording_summary(result))


def _the_recording_is_all_there_is(why: str) -> None:
    raise RecordingError(f"the recording has ended: {why}")


def _tell_what_is_recorded(update: Update) -> None:
    match update.event:
        case Waiting(reason=reason):
            talk(f"waiting: {reason}")
        case Attached(kernel=kernel):
            talk(f"recording {kernel.notebook or kernel.connection_file}; Ctrl-C ends it")


@click.command(
    short_help="List the kernels that can be attached to.",
    epilog=notes("kernelscope ls", "kernelscope ls --json"),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def ls(as_json: bool) -> None:
    """List the kernels that can be attached to, with notebook, state and last activity.

    No kernel is asked anything: a heartbeat shows that it lives, and its server, if it has one, says
    what it does.
    """
    from kernelscope.export.listing import json_line, table
    from kernelscope.kernel.discovery import find_kernels
    from kernelscope.kernel.places import unreadable

    entries, hidden = run(find_kernels()), unreadable()
    if as_json:
        for entry in entries:
            click.echo(json_line(entry))
    elif entries:
        click.echo(table(entries))
    elif hidden:
        click.echo("no kernel found that this user can attach to", err=True)
    else:
        click.echo("no kernel found: open a notebook, or try `kernelscope demo`", err=True)
    if hidden:
        _describe_unreadable(hidden)


def _describe_unreadable(hidden: Sequence[Path]) -> None:
    """Say on standard error whose kernels cannot be listed, and how to list them."""
    folders = [display_path(path) for path in hidden if path.suffix != ".json"]
    files = len(hidden) - len(folders)
    what = [f"{files} connection file{'' if files == 1 else 's'}"] if files else []
    owners = sorted({_owner_of(path) for path in hidden})
    talk(
        f"{' and '.join(what + folders)} of {', '.join(owners)} cannot be read\n"
        "  Only the user who started a kernel can attach to it: run `kernelscope ls` as that user."
    )


def _owner_of(path: Path) -> str:
    try:
        return f"user {clean(path.owner())}"
    except KeyError:  # it has no name
        return f"user {path.stat().st_uid}"
    except OSError:  # it may not even be looked at
        return "another user"


@click.command(
    short_help="Uninstall the probe from the kernel.",
    epilog=notes(
        "kernelscope detach", about=CONNECTION, exits=f"0 even if there was none; {NO_KERNEL}; {LATE}."
    ),
)
@connection_argument
@asking_options
def detach(connection: str | None, options: dict[str, Any]) -> None:
    """Uninstall the probe from the kernel, even if another kernelscope installed it."""
    from kernelscope.kernel.live import take_out

    there = run(take_out(connection_named(connection), **options))
    click.echo("the probe has left the kernel" if there else "there was no probe in the kernel")


@click.command(
    short_help="Check what the probe changes in the kernel.",
    epilog=notes(
        "kernelscope audit",
        "kernelscope audit --for 10s --json",
        about=CONNECTION,
        exits=f"1 if something is not as it was; {NO_KERNEL}; {LATE}.",
    ),
)
@connection_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--for", "seconds", default="3s", metavar="DURATION", callback=lambda *a: seconds_of(a[-1], "--for"),
    help="Watch for that long (default 3s); cells may run meanwhile.",
)  # fmt: skip
@asking_options
def audit(
    connection: str | None,
    as_json: bool,
    seconds: float,
    options: dict[str, Any],
) -> None:
    """Check what the probe changes: look at the kernel from inside before, while and after watching it.

    Exit status 1 if something is not as it was and no cell that ran meanwhile explains it.
    """
    from kernelscope.export.audit import is_clean, json_text, table
    from kernelscope.kernel.audit import audit as audited

    told = run(audited(connection_named(connection), seconds=seconds, **options))
    click.echo(json_text(told) if as_json else table(told))
    if not is_clean(told):
        raise SystemExit(1)


@click.command(
    short_help="Run a demo notebook in a private kernel.",
    epilog=notes("kernelscope demo", "kernelscope demo --json"),
)
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON lines, even on a terminal.")
def demo(as_json: bool) -> None:
    """Start a private kernel, play a notebook in it, and attach.

    On a terminal the dashboard opens and fills as the cells run; leaving it ends the demo's kernel.
    Without a terminal the runs are printed as lines.
    """
    from kernelscope.demo import DemoSource

    if as_json or not (on_a_terminal() and can_be_drawn_on()):
        watched(DemoSource(), as_json)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    shown(KernelscopeApp(Session(DemoSource(pause=DEMO_PAUSE_S, stay=True)), title="demo.ipynb"))
