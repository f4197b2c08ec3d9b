"""``kernelscope check``: expectations against a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import expect_option, notes
from kernelscope.cli.shell_completion import recordings
from kernelscope.errors import UsageError
from kernelscope.expectations.grammar import LANGUAGE

if TYPE_CHECKING:
    from kernelscope.expectations.language import Expectation


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
        raise UsageError("no expectation is given", f"kernelscope check {file} --expect 'model: not reset'")
    from kernelscope.cli.expectations import report_expectations
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    report_expectations(Session(RecordingSource(file)), expected, as_json, at_once=False)
