"""The manual page, made from the commands themselves: ``python -m kernelscope.cli.manual`` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kernelscope import __version__
from kernelscope.cli import GROUPS, cli
from kernelscope.cli.about import VARIABLES
from kernelscope.expectations.language import LANGUAGE, WORDS

PAGE = Path(__file__).parent.parent / "kernelscope.1"
_STATUSES = (
    ("0", "All went well."),
    ("1", "The answer is no: an expectation does not hold or cannot be told, an audit found something that is "
    "not as it was, nothing is known of a name."),
    ("2", "The command line does not make sense."),
    ("3", "There is no such kernel, it cannot be attached to, or it has ended."),
    ("4", "The time that --timeout gave ran out."),
    ("5", "A recording that cannot be written or opened."),
    ("130", "Interrupted: Ctrl-C, SIGTERM or SIGHUP."),
)  # fmt: skip


def page() -> str:
    """As roff, for ``man``."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '.\\" Made by `python -m kernelscope.cli.manual`.'
    yield f'.TH KERNELSCOPE 1 "" "kernelscope {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"kernelscope \- what each run of a notebook cell does to each model"
    yield ".SH SYNOPSIS"
    yield from _command_line("kernelscope", "[CONNECTION]")
    yield ".br"
    yield from _command_line("kernelscope", "COMMAND [ARGS]...")
    yield ".SH DESCRIPTION"
    yield from _paragraphs(cli.help or "")
    yield ".SH COMMANDS"
    for members in GROUPS.values():
        for name in members:
            if name in cli.commands:
                yield from _command(cli.commands[name])
    yield ".SH EXPECTATIONS"
    yield from (".nf", *map(_said, LANGUAGE.splitlines()), ".fi")
    yield ".PP"
    yield _said(f"The verdicts: {', '.join(WORDS)}.")
    yield ".SH EXIT STATUS"
    yield from _list(_STATUSES)
    yield ".SH ENVIRONMENT"
    yield from _list(tuple((name, f"{what[0].upper()}{what[1:]}.") for name, what in VARIABLES.items()))
    yield ".SH SEE ALSO"
    yield r"\fBjupyter\fR(1), \fBipython\fR(1)"


def _command(command: click.Command) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=command.name,
        parent=click.Context(cli, info_name="kernelscope", help_option_names=["-h", "--help"]),
    )
    yield f".SS {_said(command.name or '')}"
    yield from _command_line(f"kernelscope {command.name}", " ".join(command.collect_usage_pieces(context)))
    yield ".PP"
    yield from _paragraphs(command.help or "")
    options = (p.get_help_record(context) for p in command.get_params(context) if isinstance(p, click.Option))
    yield from _list(tuple(record for record in options if record is not None))
    yield from _paragraphs(command.epilog or "", first=".PP")


def _command_line(name: str, rest: str) -> Iterator[str]:
    yield f"\\fB{_said(name)}\\fR {_said(rest)}"


def _list(entries: tuple[tuple[str, Any], ...]) -> Iterator[str]:
    for term, told in entries:
        yield ".TP"
        yield f"\\fB{_said(term)}\\fR"
        yield _said(" ".join(str(told).split()))


def _paragraphs(text: str, first: str = "") -> Iterator[str]:
    between = first
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph:
            continue
        if between:
            yield between
        between = ".PP"
        if paragraph.startswith("\b\n"):  # as it stands, says click
            heading, *lines = paragraph[2:].splitlines()
            yield from (_said(heading), ".PP", ".nf")
            yield from map(_said, lines)
            yield ".fi"
        else:
            yield _said(" ".join(paragraph.split()))


def _said(text: str) -> str:
    """Nothing in it is a request, an escape or a typographer's dash."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{plain}" if plain.startswith((".", "\\(aq")) else plain


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
