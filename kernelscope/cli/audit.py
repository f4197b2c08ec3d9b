"""``kernelscope audit``: proves what the probe changed in the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import (
    CONNECTION,
    LATE,
    NO_KERNEL,
    asking_options,
    connection_argument,
    notes,
    seconds_of,
)
from kernelscope.cli.runtime import NO, run
from kernelscope.cli.sources import resolve_connection

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions


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
def audit(connection: str | None, as_json: bool, seconds: float, options: AttachOptions) -> None:
    """Check what the probe changes: look at the kernel from inside before, while and after watching it.

    Exit status 1 if something is not as it was and no cell that ran meanwhile explains it.
    """
    from kernelscope.export.audit import is_clean, json_text, table
    from kernelscope.kernel.auditor import audit as audit_kernel

    result = run(audit_kernel(resolve_connection(connection), seconds=seconds, options=options))
    click.echo(json_text(result) if as_json else table(result))
    if not is_clean(result):
        raise SystemExit(NO)
