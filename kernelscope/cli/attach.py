"""``kernelscope attach``: the dashboard."""

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
    record_option,
    watching_options,
)
from kernelscope.cli.runtime import print_message, run_app, warn_about_polling
from kernelscope.cli.sessions import print_session, recording, show_recording
from kernelscope.cli.sources import choose_source, open_live_source, resolve_connection
from kernelscope.cli.terminal import has_cursor, list_non_terminals, read_keys_from_terminal
from kernelscope.errors import UsageError

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions


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
def attach(connection: str | None, options: AttachOptions, record: Path | None) -> None:
    """Open the dashboard: the timeline of every model, as the cells run."""
    is_piped = connection == "-" and "stdin" in list_non_terminals()
    _require_terminal(except_stdin=is_piped)
    warn_about_polling(options.poll)
    if not has_cursor():
        print_message("this terminal cannot show a dashboard (see TERM); printing the runs as lines")
        print_session(open_live_source(resolve_connection(connection, output=record), options), False, record)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    source = choose_source(connection, options, record=record)
    if isinstance(source, Path):
        show_recording(source)
    elif source is not None:
        if is_piped:
            read_keys_from_terminal()
        app = KernelscopeApp(Session(source), poll=options.poll)
        with recording(app.session, record, app.warn):
            run_app(app)


def _require_terminal(*, except_stdin: bool) -> None:
    """Raises a ``UsageError`` that names the streams that are not terminals."""
    names = list_non_terminals(except_stdin=except_stdin)
    if not names:
        return
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    verb = "is not a terminal" if len(names) == 1 else "are not terminals"
    raise UsageError(
        f"the dashboard needs a terminal, but {listed} {verb}",
        "`kernelscope watch` prints the same as lines, `kernelscope watch --json` for scripts.",
    )
