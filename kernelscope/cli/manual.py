"""The man page, made from the help of the commands: ``python -m kernelscope.cli.manual`` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kernelscope import __version__
from kernelscope.cli import GROUPS, cli
from kernelscope.cli.help import TOPICS, page_title
from kernelscope.cli.info import VARIABLES
from kernelscope.expectations.grammar import LANGUAGE
from kernelscope.expectations.language import WORDS

PAGE = Path(__file__).parent.parent / "kernelscope.1"
_STATUSES = (
    ("0", "Success."),
    ("1", "The answer is no: an expectation does not hold or cannot be decided, an audit found something that is "
    "not as it was, nothing is known about a name."),
    ("2", "The command line does not make sense."),
    ("3", "There is no such kernel, it cannot be attached to, or it has ended."),
    ("4", "The --timeout ran out."),
    ("5", "A recording or an export cannot be written, or a recording cannot be opened."),
    ("130", "Interrupted: Ctrl-C, SIGTERM or SIGHUP."),
)  # fmt: skip


def render_manual() -> str:
    """Render the help of all commands as roff, for ``man``."""
    return "\n".join(_render_lines()) + "\n"


def _render_lines() -> Iterator[str]:
    yield '.\\" Written by `python -m kernelscope.cli.manual`.'
    yield f'.TH KERNELSCOPE 1 "" "kernelscope {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"kernelscope \- what each run of a notebook cell does to each model"
    yield ".SH SYNOPSIS"
    yield from _render_usage("kernelscope", "[CONNECTION]")
    yield ".br"
    yield from _render_usage("kernelscope", "COMMAND [ARGS]...")
    yield ".SH DESCRIPTION"
    yield from _render_paragraphs(cli.help or "")
    yield ".SH COMMANDS"
    for members in GROUPS.values():
        for name in members:
            if name in cli.commands:
                yield from _render_command(cli.commands[name])
    yield ".SH EXPECTATIONS"
    yield from (".nf", *map(_escape, LANGUAGE.splitlines()), ".fi")
    yield ".PP"
    yield _escape(f"The verdicts: {', '.join(WORDS)}.")
    yield ".SH EXIT STATUS"
    yield from _render_list(_STATUSES)
    yield ".SH ENVIRONMENT"
    yield from _render_list(
        tuple((name, f"{what[0].upper()}{what[1:]}.") for name, what in VARIABLES.items())
    )
    yield ".SH REFERENCE"
    yield _escape("`kernelscope help TOPIC` shows a page of the reference.")
    yield from _render_list(tuple((topic, f"{page_title(topic)}.") for topic in TOPICS))
    yield ".SH SEE ALSO"
    yield r"\fBjupyter\fR(1), \fBipython\fR(1)"


def _render_command(command: click.Command) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=command.name,
        parent=click.Context(cli, info_name="kernelscope", help_option_names=["-h", "--help"]),
    )
    yield f".SS {_escape(command.name or '')}"
    yield from _render_usage(f"kernelscope {command.name}", " ".join(command.collect_usage_pieces(context)))
    yield ".PP"
    yield from _render_paragraphs(command.help or "")
    options = (p.get_help_record(context) for p in command.get_params(context) if isinstance(p, click.Option))
    yield from _render_list(tuple(record for record in options if record is not None))
    yield from _render_paragraphs(command.epilog or "", first=".PP")


def _render_usage(name: str, rest: str) -> Iterator[str]:
    yield f"\\fB{_escape(name)}\\fR {_escape(rest)}"


def _render_list(entries: tuple[tuple[str, Any], ...]) -> Iterator[str]:
    for term, description in entries:
        yield ".TP"
        yield f"\\fB{_escape(term)}\\fR"
        yield _escape(" ".join(str(description).split()))


def _render_paragraphs(text: str, first: str = "") -> Iterator[str]:
    between = first
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph:
            continue
        if between:
            yield between
        between = ".PP"
        if paragraph.startswith("\b\n"):  # click's mark for a block that is not wrapped
            heading, *lines = paragraph[2:].splitlines()
            yield from (_escape(heading), ".PP", ".nf")
            yield from map(_escape, lines)
            yield ".fi"
        else:
            yield _escape(" ".join(paragraph.split()))


def _escape(text: str) -> str:
    """Escape what roff would take for a request, an escape or a typographic dash."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{plain}" if plain.startswith((".", "\\(aq")) else plain


if __name__ == "__main__":
    PAGE.write_text(render_manual(), encoding="utf-8")
