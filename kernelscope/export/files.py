"""Exports a session in one of several forms; a file is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

from kernelscope.userfiles import write_output

if TYPE_CHECKING:  # `kernelscope --help` reads the forms from here, and must not wait for more
    from kernelscope.domain.events import ReplayedEvent
    from kernelscope.timeline.view import TimelineView

Form = Literal["jsonl", "csv", "markdown", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
SUFFIXES: dict[Form, str] = {"jsonl": "jsonl", "csv": "csv", "markdown": "md", "html": "html"}


def write(
    timeline: TimelineView, past: Iterable[ReplayedEvent], form: Form, out: BinaryIO, title: str | None = None
) -> None:
    """Writes the whole session, encoded as UTF-8; ``out`` stays open.

    Args:
        past: the events of the timeline.
        title: in place of the notebook's name.
    """
    if form == "jsonl":
        _write_records(past, out)
        return
    text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    match form:
        case "csv":
            from kernelscope.export.csv_table import write_csv

            write_csv(timeline, text)
        case "markdown":
            from kernelscope.export.markdown import write_markdown

            write_markdown(timeline, text, title)
        case "html":
            from kernelscope.export.page import write_html

            write_html(timeline, text, title)
    text.detach()


def write_file(
    timeline: TimelineView, past: Iterable[ReplayedEvent], form: Form, path: Path, title: str | None = None
) -> None:
    """Writes the whole session into a file that the user named; ``userfiles`` handles an existing one.

    Raises:
        ExportError: it cannot be written.
    """
    write_output(path, lambda out: write(timeline, past, form, out, title))


def _write_records(past: Iterable[ReplayedEvent], out: BinaryIO) -> None:
    """Writes records as ``watch --json`` did, with the forecasts of that time."""
    from kernelscope.export.lines import JsonLines
    from kernelscope.timeline.timeline import Timeline
    from kernelscope.timeline.view import TimelineView

    timeline = Timeline()
    lines = JsonLines(TimelineView(timeline), out)
    for event in past:
        lines(timeline.apply(event))
