"""The command line: parses, builds a source and its listeners, turns errors into exit codes.

What a command needs is imported by that command: ``kernelscope --help`` must not wait for Textual.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import sys
from collections.abc import Iterable

import click

from kernelscope import __version__
from kernelscope.cli import live, recorded, told
from kernelscope.cli.running import talk
from kernelscope.errors import KernelscopeError, UsageError
from kernelscope.text import clean, clean_block

INTERRUPTED = 130


class _Commands(click.Group):
    """``kernelscope CONNECTION`` is ``kernelscope attach CONNECTION``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if not args or (args[0] not in self.commands and args[0] not in own):
            if args and (meant := _mistyped(args[0], self.commands)):
                raise UsageError(
                    f"there is no command {clean(args[0])}", f"Did you mean `kernelscope {meant}`?"
                )
            args = ["attach", *args]
        return super().parse_args(ctx, args)


def _mistyped(argument: str, commands: Iterable[str]) -> str | None:
    """The command that a word nearly is; a file, an option and a kernel's id are no words."""
    if not argument.isalpha() or os.path.lexists(argument):
        return None
    return next(iter(difflib.get_close_matches(argument, commands, n=1, cutoff=0.75)), None)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kernelscope")
def cli() -> None:
    """What each run of a notebook cell does to each model, from your own live kernel.

    `kernelscope CONNECTION` opens the dashboard. CONNECTION is a connection file, its name or a
    fragment of it, a kernel id, a notebook's path, or - for the output of %connect_info on standard
    input. Without it: the only live kernel, else a picker.

    kernelscope never interrupts, restarts or ends a kernel that it did not start, and leaves
    nothing behind in it.
    """


for _command in (
    live.attach,
    live.watch,
    live.ls,
    told.explain,
    recorded.replay,
    recorded.check,
    live.audit,
    live.detach,
    live.demo,
):
    cli.add_command(_command)


def main(args: list[str] | None = None) -> None:
    """The entry point: every way out has its exit status, and none of them is a traceback."""
    try:
        _main(args)
    finally:
        _let_go_of_streams()


def _let_go_of_streams() -> None:
    """A terminal that was closed takes nothing any more: Python would end with 120 for what it has kept."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _main(args: list[str] | None) -> None:
    try:
        cli.main(args=args, prog_name="kernelscope", standalone_mode=False)
    except click.ClickException as error:
        error.show(told := io.StringIO())
        click.echo(clean_block(told.getvalue()), err=True, nl=False)
        raise SystemExit(error.exit_code) from None
    except KernelscopeError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        talk(f"{error.title}{hint}")
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # Who read our lines has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
