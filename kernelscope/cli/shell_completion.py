"""Suggestions for shell completion, from files alone: without contact to any kernel, and without slow imports."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

_MOST_EVENTS = 5_000
"""The most events of a recording that are read for names."""


def connections(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """The names of connection files, and the notebooks that they name."""
    from kernelscope.kernel.runtime_dirs import list_connection_files, read_notebook_name, runtime_dirs

    suggested: dict[str, str] = {}
    for path in sorted(p for folder in runtime_dirs() for p in list_connection_files(folder)):
        notebook = read_notebook_name(path)
        if notebook is not None and os.path.isabs(notebook):  # noqa: PTH117 - unchecked text, not a path
            suggested.setdefault(_relative(notebook), path.name)
        if path.name.isprintable():
            suggested.setdefault(path.name, notebook or "")
    items = [CompletionItem(k, help=h or None) for k, h in suggested.items() if k.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="file")]


def recordings(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Files that end in ``.kscope``, or the shell's own suggestions if there is none."""
    folder, prefix = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    named = [e for e in entries if e.name.startswith(prefix) and e.name.isprintable()]
    items = [CompletionItem(str(Path(folder, e.name))) for e in named if e.name.endswith(".kscope")]
    return items or [CompletionItem(incomplete, type="file")]


def sources(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A kernel or a recording."""
    return either(connections(ctx, param, incomplete), recordings(ctx, param, incomplete))


def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For ``explain``: a kernel or a recording first, then the names in the recording."""
    words = ctx.params.get("words") or ()
    if not words:
        return sources(ctx, param, incomplete)
    return [CompletionItem(n) for n in _names_in(Path(words[0])) if n.startswith(incomplete)]


def either(*groups: list[CompletionItem]) -> list[CompletionItem]:
    """All suggestions with a name; the shell's own completion of files only if there is none."""
    every = [item for items in groups for item in items]
    return [item for item in every if item.type == "plain"] or every[:1]


def words(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The next word of an expectation."""
    from kernelscope.expectations.language import KEYWORDS, WHEN, WORDS

    head, prefix = re.fullmatch(r"(.*?)(\w*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr] # it matches every text
    if ":" not in head:
        return (
            [CompletionItem(f"{incomplete}: {word}") for word in ("not", "only", "untouched")]
            if prefix
            else []
        )
    gap = "" if head[-1:].isspace() else " "
    known = (*KEYWORDS, *WHEN, *WORDS)
    return [CompletionItem(f"{head}{gap}{word}") for word in known if word.startswith(prefix)]


def _relative(notebook: str) -> str:
    here = os.path.relpath(notebook)
    return notebook if here.startswith("..") else here


def _names_in(recording: Path) -> list[str]:
    import asyncio

    from kernelscope.domain.events import Attached, Observed
    from kernelscope.errors import KernelscopeError
    from kernelscope.storage.recording import RecordingSource

    known: dict[str, Any] = {}

    async def read() -> None:
        read = 0
        async for event in RecordingSource(recording, rejudge=True).events():
            read += 1
            if isinstance(event, Attached):
                known.update(event.base.names)
            elif isinstance(event, Observed):
                known.update(event.observation.names)
            if read == _MOST_EVENTS:
                return

    try:
        asyncio.run(read())
    except (KernelscopeError, OSError):
        return []
    return sorted(known)
