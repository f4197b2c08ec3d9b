"""``kernelscope ls``: the kernels that can be attached to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kernelscope.cli.options import notes
from kernelscope.cli.runtime import print_message, run
from kernelscope.text import clean
from kernelscope.userfiles import display_path


@click.command(
    short_help="List the kernels that can be attached to.",
    epilog=notes("kernelscope ls", "kernelscope ls --json"),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def ls(as_json: bool) -> None:
    """List the kernels that can be attached to, with notebook, state and last activity.

    No kernel is asked anything: a heartbeat shows that it lives, and its server, if it has one, says
    what it does.
    """
    from kernelscope.export.listing import json_line, table
    from kernelscope.kernel.discovery import find_kernels
    from kernelscope.kernel.runtime_dirs import find_unreadable

    entries, unreadable = run(find_kernels()), find_unreadable()
    if as_json:
        for entry in entries:
            click.echo(json_line(entry))
    elif entries:
        click.echo(table(entries))
    elif unreadable:
        click.echo("no kernel found that this user can attach to", err=True)
    else:
        click.echo("no kernel found: open a notebook, or try `kernelscope demo`", err=True)
    if unreadable:
        _report_unreadable(unreadable)


def _report_unreadable(paths: Sequence[Path]) -> None:
    """Says on standard error whose kernels cannot be listed, and how to list them."""
    folders = [display_path(path) for path in paths if path.suffix != ".json"]
    files = len(paths) - len(folders)
    what = [f"{files} connection file{'' if files == 1 else 's'}"] if files else []
    owners = sorted({_owner_of(path) for path in paths})
    print_message(
        f"{' and '.join(what + folders)} of {', '.join(owners)} cannot be read\n"
        "  Only the user who started a kernel can attach to it: run `kernelscope ls` as that user."
    )


def _owner_of(path: Path) -> str:
    try:
        return f"user {clean(path.owner())}"
    except KeyError:  # the user id has no name
        return f"user {path.stat().st_uid}"
    except OSError:  # the status may not be read either
        return "another user"
