"""Options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernelscope.cli.shell_completion import connections, words
from kernelscope.errors import UsageError
from kernelscope.userfiles import open_input

if TYPE_CHECKING:
    from kernelscope.expectations.language import Expectation

Command = Callable[..., Any]
Option = Callable[[Command], Command]


def seconds_of(text: str, option: str) -> float:
    """A duration: ``90s``, ``10m``, ``2h``, or bare seconds."""
    factor = {"s": 1, "m": 60, "h": 3_600}.get(text[-1:])
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise click.BadParameter(f"{text!r} is not a duration: write 90s, 10m or 2h", param_hint=option)
    return seconds


def notes(*examples: str, exits: str = "", about: str = "") -> str:
    """The end of a command's help.

    Args:
        examples: command lines.
        exits: the exit statuses with a special meaning for this command.
        about: a paragraph before the examples.
    """
    paragraphs = [about] if about else []
    paragraphs.append("\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples))
    paragraphs += [f"Exit status: {exits}"] if exits else []
    return "\n\n".join(paragraphs)


CONNECTION = (
    "CONNECTION is a connection file, its name or a fragment of it, a kernel id, a notebook's path, or - for "
    "the output of %connect_info on standard input. Without it: the only running kernel."
)
NO_KERNEL = "3 if there is no such kernel, it cannot be attached to, or it has ended"
LATE = "4 if --timeout ran out"
connection_argument = click.argument("connection", required=False, shell_complete=connections)
insecure_option = click.option(
    "--insecure", is_flag=True,
    help="Accept a connection file without a key even if the kernel is on another machine: its messages "
    "cannot be verified then.",
)  # fmt: skip
insecure_file_option = click.option(
    "--insecure-file", is_flag=True,
    help="Accept a connection file that belongs to another user, or that other users can read or change.",
)  # fmt: skip
keep_option = click.option(
    "--keep", default="0s", metavar="DURATION", callback=lambda *a: seconds_of(a[-1], "--keep"),
    help="Let the probe stay in the kernel for that long after the last watcher has left (90s, 10m, 2h).",
)  # fmt: skip
poll_option = click.option(
    "--poll", type=click.FloatRange(min=0.1), metavar="SECONDS",
    help="Look between runs as well, that often: for models that change outside cells. A thread of "
    "the probe does so and sends a message only if something changed; that counts as the kernel's activity.",
)  # fmt: skip
limit_option = click.option(
    "--timeout", "limit", type=click.FloatRange(min=0.1), metavar="SECONDS",
    help="Give up (exit status 4) if the kernel is too busy to be attached to for that long.",
)  # fmt: skip


def _together(*named: tuple[str, Option]) -> Option:
    """Adds all of these options to a command, which gets them as one argument: ``options``, ``AttachOptions``."""

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(**arguments: Any) -> Any:
            from kernelscope.kernel.attach_options import AttachOptions

            options = AttachOptions(**{name: arguments.pop(name) for name, _ in named})
            return command(options=options, **arguments)

        decorated: Command = with_options
        for _, option in reversed(named):
            decorated = option(decorated)
        return decorated

    return add


_ASKING = (("limit", limit_option), ("insecure", insecure_option), ("insecure_file", insecure_file_option))
asking_options = _together(*_ASKING)
"""The options of commands that send one request to a kernel and leave."""
watching_options = _together(("poll", poll_option), ("keep", keep_option), *_ASKING)
"""The options of commands that stay attached."""

record_option = click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Record the session into a new file, for `kernelscope replay`.",
)


def expectations_of(texts: tuple[str, ...]) -> tuple[Expectation, ...]:
    """The expectations in the values of ``--expect``; ``@FILE`` is a file with one on each line."""
    if not texts:
        return ()
    from kernelscope.expectations.language import parse

    return tuple(
        expectation
        for text in texts
        for expectation in (_read_file(text[1:]) if text[:1] == "@" else [parse(text)])
    )


def _read_file(name: str) -> list[Expectation]:
    from kernelscope.expectations.language import parse

    expectations = []
    try:
        with open_input(Path(name)) as file:
            lines = file.read().decode().splitlines()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"the expectations in {name} cannot be read", why) from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                expectations.append(parse(line))
            except UsageError as error:
                raise UsageError(f"{name}, line {number}: {error.title}", error.hint) from None
    if not expectations:
        raise UsageError(f"there are no expectations in {name}", "Write one on each line: model: not reset")
    return expectations


expect_option = click.option(
    "--expect", "expected", multiple=True, metavar="EXPECTATION",
    callback=lambda *a: expectations_of(a[-1]), shell_complete=words,
    help="Exit with 1 unless this holds: 'model: not reset', 'scaler: untouched after 12', '*: never "
    "unknown'. May be given more than once; @FILE reads one per line (`kernelscope help expectations`).",
)  # fmt: skip
