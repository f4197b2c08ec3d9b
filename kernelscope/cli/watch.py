"""``kernelscope watch``: a line per run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import (
    CONNECTION,
    LATE,
    NO_KERNEL,
    connection_argument,
    expect_option,
    notes,
    record_option,
    watching_options,
)
from kernelscope.cli.runtime import warn_about_polling
from kernelscope.cli.sessions import print_session, watch_command
from kernelscope.cli.sources import open_live_source, resolve_connection
from kernelscope.errors import UsageError

if TYPE_CHECKING:
    from kernelscope.expectations.language import Expectation
    from kernelscope.kernel.attach_options import AttachOptions


class _WithCommand(click.Command):
    """A command that passes on the arguments after ``--`` as a command of their own."""

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
    options: AttachOptions,
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
        warn_about_polling(options.poll)
        watch_command(command, as_json, record, expected, options)
        return
    target = resolve_connection(connection, output=record)
    warn_about_polling(options.poll)
    print_session(open_live_source(target, options), as_json, record, expected)
