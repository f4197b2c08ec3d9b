"""Commands for what was recorded."""

from __future__ import annotations

from pathlib import Path

import click

from kernelscope.cli.completing import recordings
from kernelscope.cli.options import expect_option, notes
from kernelscope.cli.running import can_be_drawn_on, on_a_terminal, shown, watched
from kernelscope.errors import UsageError
from kernelscope.timeline.expectations import LANGUAGE, Expectation


@click.command(
    short_help="Open a recording; no kernel is needed.",
    epilog=notes("kernelscope replay run.kscope", exits="5 where FILE is no recording that can be opened."),
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=recordings)
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON lines, on a terminal, too.")
def replay(file: Path, as_json: bool) -> None:
    """Open a recording: in the dashboard or, without a terminal, as lines. No kernel is needed."""
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    source = RecordingSource(file)
    if as_json or not (on_a_terminal() and can_be_drawn_on()):
        watched(source, as_json)
        return
    from kernelscope.tui.app import KernelscopeApp

    shown(KernelscopeApp(Session(source), title=file.name))


@click.command(
    short_help="Hold expectations against a recording.",
    epilog=notes(
        "kernelscope check run.kscope --expect 'model: created once' --expect '*: never unknown'",
        "kernelscope check run.kscope --expect @expectations.txt --json",
        about="\b\nWhat can be expected:\n" + "\n".join(f"  {line}" for line in LANGUAGE.splitlines()),
        exits="1 where an expectation does not hold or cannot be told; 2 where one cannot be read; 5 where "
        "FILE is no recording that can be opened.",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), shell_complete=recordings)
@expect_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per expectation.")
def check(file: Path, expected: tuple[Expectation, ...], as_json: bool) -> None:
    """Hold expectations against a recording, and say what became of each."""
    if not expected:
        raise UsageError("nothing is expected", f"kernelscope check {file} --expect 'model: not reset'")
    from kernelscope.cli.judging import judged
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    judged(Session(RecordingSource(file)), expected, as_json, at_once=False)
