"""Commands for what was recorded."""

from __future__ import annotations

from pathlib import Path

import click

from kernelscope.cli.running import can_be_drawn_on, on_a_terminal, shown, watched
from kernelscope.text import clean


@click.command(short_help="Open a recording; no kernel is needed.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON lines, on a terminal, too.")
@click.option(
    "--play", is_flag=True, help="Begin at the start and play it, instead of showing its end at once."
)
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
    help="Let this version judge what was seen, instead of the verdicts that were given.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="As lines: wait for what is still being written; the dashboard always does.",
)
def replay(file: Path, as_json: bool, play: bool, speed: float, anew: bool, follow: bool) -> None:
    """Open a recording: in the dashboard or, without a terminal, as lines. No kernel is needed.

    The dashboard shows the end of it at once. There space plays it from the start, [ and ] step through it,
    `:seek 42` goes to In [42]. A recording that is still being written goes on as it grows.
    """
    from kernelscope.session import Session
    from kernelscope.storage.recording import RecordingSource

    if as_json or not (on_a_terminal() and can_be_drawn_on()):
        watched(RecordingSource(file, follow=follow, anew=anew), as_json)
        return
    from kernelscope.tui.app import KernelscopeApp

    source = RecordingSource(file, follow=True, anew=anew)
    app = KernelscopeApp(Session(source), title=clean(file.name), about=source.about(), play=play)
    app.board.playback.speed = speed
    shown(app)
