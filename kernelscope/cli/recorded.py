"""Commands for what was recorded, and for what is handed on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kernelscope.cli.completing import recordings, sources
from kernelscope.cli.options import (
    CONNECTION,
    LATE,
    NO_KERNEL,
    asking_options,
    expect_option,
    notes,
)
from kernelscope.cli.running import (
    can_be_drawn_on,
    heard,
    on_a_terminal,
    show_recording,
    watched,
)
from kernelscope.errors import UsageError
from kernelscope.expectations.language import LANGUAGE, Expectation
from kernelscope.export.files import FORMS, Form, write, write_file
from kernelscope.system import STANDARD_OUTPUT, interrupted_by_end_signals


@click.command(
    short_help="Open a recording; needs no kernel.",
    epilog=notes("kernelscope replay run.kscope", exits="5 if FILE is not a recording that can be opened."),
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=recordings)
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON lines, even on a terminal.")
@click.option("--play", is_flag=True, help="Play it from the start, instead of showing its end at once.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.5, max=256),
    metavar="TIMES",
    default=1.0,
    help="With --play: that many times as fast as it happened (+ and - change it).",
)
@click.option(
    "--anew",
    is_flag=True,
    help="Judge what was seen again with this version, instead of showing the stored verdicts.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="With lines: wait for what is still being written; the dashboard always does.",
)
def replay(file: Path, as_json: bool, play: bool, speed: float, anew: bool, follow: bool) -> None:
    """Open a recording: in the dashboard or, without a terminal, as lines. No kernel is needed.

    The dashboard shows its end at once. There space plays it from the start, [ and ] step through it,
    `:seek 42` goes to In [42]. A recording that is still being written is followed as it grows.
    """
    if as_json or not (on_a_terminal() and can_be_drawn_on()):
        from kernelscope.storage.recording import RecordingSource

        watched(RecordingSource(file, follow=follow, anew=anew), as_json)
    else:
        show_recording(file, anew=anew, play=play, speed=speed)


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
    "--anew",
    is_flag=True,
    help="Judge a recording again with this version, instead of exporting the stored verdicts.",
)
@asking_options
def export(
    source: str | None,
    form: Form,
    out: str,
    anew: bool,
    options: dict[str, Any],
) -> None:
    """Export a session: a recording, or what the probe of a live kernel knows (watch --keep lets it stay).

    jsonl has the records of `watch --json`, csv a row per change, markdown is for a pull request, and html is
    one page with the timeline as it looks on the screen.
    """
    session = heard(source, anew=anew, output=STANDARD_OUTPUT if out == "-" else Path(out), **options)
    if out == "-":
        write(session.timeline, session.past, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with interrupted_by_end_signals():
            write_file(session.timeline, session.past, form, Path(out))


@click.command(
    short_help="Check expectations against a recording.",
    epilog=notes(
        "kernelscope check run.kscope --expect 'model: created once' --expect '*: never unknown'",
        "kernelscope check run.kscope --expect @expectations.txt --json",
        about="\b\nWhat can be expected:\n" + "\n".join(f"  {line}" for line in LANGUAGE.splitlines()),
        exits="1 if an expectation does not hold or cannot be decided; 2 if one cannot be parsed; 5 if "
        "FILE is not a recording that can be opened.",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=recordings)
@expect_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per expectation.")
def check(file: Path, expected: tuple[Expectation, ...], as_json: bool) -> None:
    """Check expectations against a recording, and report the outcome of each."""
    if not expected:
        raise UsageError("nothing is expected", f"kernelscope check {file} --expect 'model: not reset'")
    from kernelscope.cli.judging import judged
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    judged(Session(RecordingSource(file)), expected, as_json, at_once=False)
