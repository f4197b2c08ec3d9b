"""The command line: a module for each command, and the entry point that turns errors into exit statuses.

A command imports what it needs when it runs: ``kernelscope --help`` must not wait for Textual.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from kernelscope import __version__
from kernelscope.cli import (
    attach,
    audit,
    check,
    completion,
    demo,
    detach,
    explain,
    export,
    info,
    ls,
    record,
    replay,
    watch,
)
from kernelscope.cli.help import help_
from kernelscope.cli.runtime import print_message
from kernelscope.cli.shell_completion import connections, either
from kernelscope.errors import ExportError, KernelscopeError, UnsupportedSystemError, UsageError
from kernelscope.system import PLATFORM, is_supported
from kernelscope.text import clean, clean_block

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

INTERRUPTED = 130


class _Commands(click.Group):
    """Takes ``kernelscope CONNECTION`` for ``kernelscope attach CONNECTION``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)  # a shell completes the first word
        if not args or (args[0] not in self.commands and args[0] not in own):
            if args and (meant := _nearest_command(args[0], self.commands)):
                raise UsageError(
                    f"there is no command {clean(args[0])}", f"Did you mean `kernelscope {meant}`?"
                )
            args = ["attach", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Suggests commands and connections."""
        return either(super().shell_complete(ctx, incomplete), connections(ctx, None, incomplete))

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands in groups."""
        width = max(map(len, self.commands))
        for heading, members in GROUPS.items():
            known = [self.commands[name] for name in members if name in self.commands]
            with formatter.section(heading):
                formatter.write_dl([((c.name or "").ljust(width), c.get_short_help_str(80)) for c in known])


GROUPS = {
    "Look": ("attach", "watch", "ls", "demo"),
    "Ask": ("explain", "check"),
    "Record and share": ("record", "replay", "export"),
    "Check and leave": ("audit", "detach"),
    "Help and set-up": ("info", "completion", "help"),
}
"""The commands in the order of the help."""


def _nearest_command(argument: str, commands: Iterable[str]) -> str | None:
    """The command that a word resembles; files, options and kernel ids are not taken for words."""
    if not argument.isalpha() or os.path.lexists(argument):
        return None
    return next(iter(difflib.get_close_matches(argument, commands, n=1, cutoff=0.75)), None)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  kernelscope                      the only running kernel; if there are several, choose
  kernelscope churn.ipynb          the kernel that runs this notebook
  kernelscope explain model        what happened to model, in sentences

Exit status: 0 success; 1 the answer is no; 2 the command line is wrong; 3 no kernel, or none
that can be attached to; 4 --timeout ran out; 5 a bad recording or export; 130 interrupted.
`kernelscope COMMAND --help` describes a command, `kernelscope help` lists the pages of the reference.""",
)
@click.version_option(__version__, prog_name="kernelscope")
def cli() -> None:
    """See what each run of a notebook cell does to each model, from your own live kernel.

    `kernelscope CONNECTION` opens the dashboard. CONNECTION is a connection file, its name or a
    fragment of it, a kernel id, a notebook's path, or - for the output of %connect_info on standard
    input. Without it: the only running kernel, else a picker.

    kernelscope never interrupts, restarts or ends a kernel that it did not start, and leaves
    nothing behind in it.
    """


for _command in (
    attach.attach,
    watch.watch,
    record.record,
    ls.ls,
    explain.explain,
    replay.replay,
    export.export,
    check.check,
    audit.audit,
    detach.detach,
    demo.demo,
    info.info,
    completion.completion,
    help_,
):
    cli.add_command(_command)


def main(args: list[str] | None = None, *, platform: str = PLATFORM) -> None:
    """The entry point: every failure ends with a message and an exit status, none with a traceback.

    Args:
        platform: the operating system, as ``sys.platform`` names it.
    """
    try:
        _main(sys.argv[1:] if args is None else args, platform)
    finally:
        _flush_streams()


def _must_be_supported(args: list[str], platform: str) -> None:
    """Help and version work on every system.

    Raises:
        UnsupportedSystemError: kernelscope has not been tried on this one.
    """
    own_args = args[: args.index("--")] if "--" in args else args
    is_harmless = own_args[:1] == ["help"] or bool({"-h", "--help", "--version"}.intersection(own_args))
    if not is_supported(platform) and not is_harmless:
        raise UnsupportedSystemError(
            f"kernelscope does not run on {clean(platform)} yet: it has not been tried there",
            "Use Linux or macOS; on Windows, run it and the kernel in WSL.",
        )


def _flush_streams() -> None:
    """Discards buffered output for a closed terminal: otherwise Python would exit with status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _main(args: list[str], platform: str) -> None:
    try:
        _must_be_supported(args, platform)
        cli.main(args=args, prog_name="kernelscope", standalone_mode=False)
    except click.ClickException as error:
        error.show(message := io.StringIO())
        # fault: 73e
        click.echo(clean_block(message.getvalue()), err=True, nl=False)
        raise SystemExit(error.exit_code) from None
    except KernelscopeError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        print_message(f"{error.title}{hint}")
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of stdout is gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        # The user's files have errors of their own: this is standard output, for example on a full disk.
        what = "standard output" if error.filename is None else clean(str(error.filename), limit=1_000)
        print_message(f"{what} cannot be written or read: {clean(error.strerror or str(error))}")
        raise SystemExit(ExportError.exit_code) from None
    except Exception as error:
        print_message(
            f"internal error: {type(error).__name__}: {error}\n  This is a bug in kernelscope; "
            "the watched kernel goes on. Please report it with the command that you ran."
        )
        raise SystemExit(KernelscopeError.exit_code) from error
