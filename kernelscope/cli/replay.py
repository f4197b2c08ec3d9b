"""``kernelscope replay``: a recording, in the dashboard or as lines."""

from __future__ import annotations

from pathlib import Path

import click

from kernelscope.cli.options import notes
from kernelscope.cli.sessions import print_session, show_recording
from kernelscope.cli.shell_completion import recordings
from kernelscope.cli.terminal import has_cursor, is_interactive


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
    "--rejudge",
    is_flag=True,
    help="Judge what was seen again with this version, instead of showing the stored verdicts.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="With lines: wait for what is still being written; the dashboard always does.",
)
def replay(file: Path, as_json: bool, play: bool, speed: float, rejudge: bool, follow: bool) -> None:
    """Open a recording: in the dashboard or, without a terminal, as lines. No kernel is needed.

    The dashboard shows its end at once. There space plays it from the start, [ and ] step through it,
    `:seek 42` goes to In [42]. A recording that is still being written is followed as it grows.
    """
    if as_json or not (is_interactive() and has_cursor()):
        from kernelscope.storage.recording import RecordingSource

        print_session(RecordingSource(file, follow=follow, rejudge=rejudge), as_json)
    else:
        show_recording(file, rejudge=rejudge, play=play, speed=speed)
