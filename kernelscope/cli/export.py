"""``kernelscope export``: a session as a page, a table or lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import CONNECTION, LATE, NO_KERNEL, asking_options, notes
from kernelscope.cli.shell_completion import sources
from kernelscope.cli.sources import load_session
from kernelscope.export.files import FORMS, Form, write, write_file
from kernelscope.system import STANDARD_OUTPUT, interrupt_on_end_signals

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions


@click.command(
    short_help="Export a session as a page, a table or lines.",
    epilog=notes(
        "kernelscope export run.kscope --to html -o run.html",
        "kernelscope export churn.ipynb --to markdown",
        about=f"FILE is a recording. {CONNECTION}",
        exits=f"2 if OUT is what is read; {NO_KERNEL}; {LATE}; 5 if FILE cannot be opened, or OUT cannot "
        "be written.",
    ),
)
@click.argument("source", required=False, metavar="[FILE|CONNECTION]", shell_complete=sources)
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMS),
    required=True,
    help="The format; html is one page that needs nothing else.",
)
@click.option(
    "-o", "--output", "out", default="-", metavar="OUT",
    help="The file. An existing file is replaced when the new one is complete; a device or a FIFO is "
    "written into. - (default) is standard output.",
)  # fmt: skip
@click.option(
    "--rejudge",
    is_flag=True,
    help="Judge a recording again with this version, instead of exporting the stored verdicts.",
)
@asking_options
def export(source: str | None, form: Form, out: str, rejudge: bool, options: AttachOptions) -> None:
    """Export a session: a recording, or what the probe of a live kernel knows (watch --keep lets it stay).

    jsonl has the records of `watch --json`, csv a row per change, markdown is for a pull request, and html is
    one page with the timeline as it looks on the screen.
    """
    output = STANDARD_OUTPUT if out == "-" else Path(out)
    session = load_session(source, options, rejudge=rejudge, output=output)
    if out == "-":
        write(session.view, session.past, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with interrupt_on_end_signals():
            write_file(session.view, session.past, form, Path(out))
