"""``kernelscope detach``: the probe leaves the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kernelscope.cli.options import CONNECTION, LATE, NO_KERNEL, asking_options, connection_argument, notes
from kernelscope.cli.runtime import run
from kernelscope.cli.sources import resolve_connection

if TYPE_CHECKING:
    from kernelscope.kernel.attach_options import AttachOptions


@click.command(
    short_help="Uninstall the probe from the kernel.",
    epilog=notes(
        "kernelscope detach", about=CONNECTION, exits=f"0 even if there was none; {NO_KERNEL}; {LATE}."
    ),
)
@connection_argument
@asking_options
def detach(connection: str | None, options: AttachOptions) -> None:
    """Uninstall the probe from the kernel, even if another kernelscope installed it."""
    from kernelscope.kernel.live_source import detach_probe

    had_probe = run(detach_probe(resolve_connection(connection), options))
    click.echo("the probe has left the kernel" if had_probe else "there was no probe in the kernel")
