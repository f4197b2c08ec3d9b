"""A session in one of the forms that it can be handed on in, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from kernelscope.domain.events import ReplayedEvent
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from kernelscope.userfiles import write_output

Form = Literal["jsonl", "csv", "markdown", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
SUFFIXES: dict[Form, str] = {"jsonl": "jsonl", "csv": "csv", "markdown": "md", "html": "html"}


def write(
    timeline: TimelineView, past: Iterable[ReplayedEvent], form: Form, out: BinaryIO, title: str | None = None
) -> None:
    """Everything, UTF-8 encoded; ``out`` stays open.

    Args:
        past: what the timeline was made of.
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
    """The same into a file that the user named; ``userfiles`` says what happens to one that is there.

    Raises:
        ExportError: it cannot be written.
    """
    write_output(path, lambda out: write(timeline, past, form, out, title))


def _write_records(past: Iterable[ReplayedEvent], out: BinaryIO) -> None:
    """As ``watch --json`` writes them: each forecast is that of its time."""
    from kernelscope.export.lines import JsonLines

    timeline = Timeline()
    lines = JsonLines(TimelineView(timeline), out)
    for event in past:
        lines(timeline.apply(event))
