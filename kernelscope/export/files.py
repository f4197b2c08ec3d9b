"""A session in one of the forms that it can be handed on in, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from kernelscope.errors import ExportError
from kernelscope.text import clean
from kernelscope.timeline.events import Recalled
from kernelscope.timeline.timeline import Timeline

Form = Literal["jsonl", "csv", "markdown", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
SUFFIXES: dict[Form, str] = {"jsonl": "jsonl", "csv": "csv", "markdown": "md", "html": "html"}


def write(
    timeline: Timeline, past: Iterable[Recalled], form: Form, out: BinaryIO, title: str | None = None
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
            from kernelscope.export.tidy import write_csv

            write_csv(timeline, text)
        case "markdown":
            from kernelscope.export.markdown import write_markdown

            write_markdown(timeline, text, title)
        case "html":
            from kernelscope.export.page import write_html

            write_html(timeline, text, title)
    text.detach()


def write_file(
    timeline: Timeline, past: Iterable[Recalled], form: Form, path: Path, title: str | None = None
) -> None:
    """The same into a file, in place of the one that is there; what goes wrong leaves that as it was.

    Raises:
        ExportError: it cannot be written.
    """
    try:
        # The user's source is in it: as with a recording, it is theirs alone to read.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(timeline, past, form, file, title)
                file.flush()
                os.fsync(descriptor)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        why = clean(error.strerror or str(error))
        raise ExportError(f"{clean(str(path), limit=1_000)} cannot be written", why) from error


def _write_records(past: Iterable[Recalled], out: BinaryIO) -> None:
    """As ``watch --json`` writes them: each forecast is that of its time."""
    from kernelscope.export.lines import JsonLines

    timeline = Timeline()
    lines = JsonLines(timeline, out)
    for event in past:
        lines(timeline.apply(event))
