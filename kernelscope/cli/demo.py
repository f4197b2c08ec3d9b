"""``kernelscope demo``: a kernel of its own with a notebook in it."""

from __future__ import annotations

import click

from kernelscope.cli.options import notes
from kernelscope.cli.runtime import run_app
from kernelscope.cli.sessions import print_session
from kernelscope.cli.sources import DEMO_PAUSE_S
from kernelscope.cli.terminal import has_cursor, is_interactive


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

    if as_json or not (is_interactive() and has_cursor()):
        print_session(DemoSource(), as_json)
        return
    from kernelscope.session import Session
    from kernelscope.tui.app import KernelscopeApp

    run_app(KernelscopeApp(Session(DemoSource(pause=DEMO_PAUSE_S, stay=True)), title="demo.ipynb"))
