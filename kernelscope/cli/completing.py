"""What a shell can suggest, from files alone: no kernel hears of it, and nothing slow is loaded."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

_MOST_EVENTS = 5_000
"""Of a recording that are read for names."""


def connections(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Connection files by their names, and the notebooks that they name."""
    from kernelscope.kernel.places import named_as_a_kernels, notebook_in, runtime_dirs

    found: dict[str, str] = {}
    for path in sorted(p for folder in runtime_dirs() for p in named_as_a_kernels(folder)):
        notebook = notebook_in(path)
        if notebook is not None and os.path.isabs(notebook):  # noqa: PTH117 - a text, not a path of ours
            found.setdefault(_from_here(notebook), path.name)
        if path.name.isprintable():
            found.setdefault(path.name, notebook or "")
    items = [CompletionItem(k, help=h or None) for k, h in found.items() if k.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="file")]


def recordings(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Files that end in ``.kscope``, and folders in which there may be some."""
    folder, begun = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    named = [e for e in entries if e.name.startswith(begun) and e.name.isprintable()]
    items = [CompletionItem(str(Path(folder, e.name))) for e in named if e.name.endswith(".kscope")]
    return items or [CompletionItem(incomplete, type="file")]


def sources(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A kernel or a recording."""
    return either(connections(ctx, param, incomplete), recordings(ctx, param, incomplete))


def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For ``explain``: a kernel or a recording first, then the names that the recording tells of."""
    words = ctx.params.get("words") or ()
    if not words:
        return sources(ctx, param, incomplete)
    return [CompletionItem(n) for n in _names_in(Path(words[0])) if n.startswith(incomplete)]


def either(*found: list[CompletionItem]) -> list[CompletionItem]:
    """All that is told by name; the shell's own way with files only where nothing is."""
    every = [item for items in found for item in items]
    return [item for item in every if item.type == "plain"] or every[:1]


def words(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The next word of an expectation."""
    from kernelscope.expectations.language import KEYWORDS, WHEN, WORDS

    head, begun = re.fullmatch(r"(.*?)(\w*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr] # it fits all
    if ":" not in head:
        return (
            [CompletionItem(f"{incomplete}: {word}") for word in ("not", "only", "untouched")]
            if begun
            else []
        )
    gap = "" if head[-1:].isspace() else " "
    known = (*KEYWORDS, *WHEN, *WORDS)
    return [CompletionItem(f"{head}{gap}{word}") for word in known if word.startswith(begun)]


def _from_here(notebook: str) -> str:
    here = os.path.relpath(notebook)
    return notebook if here.startswith("..") else here


def _names_in(recording: Path) -> list[str]:
    import asyncio

    from kernelscope.domain.events import Attached, Observed
    from kernelscope.errors import KernelscopeError
    from kernelscope.storage.recording import RecordingSource

    found: dict[str, Any] = {}

    async def read() -> None:
        read = 0
        async for event in RecordingSource(recording, anew=True).events():
            read += 1
            if isinstance(event, Attached):
                found.update(event.base.names)
            elif isinstance(event, Observed):
                found.update(event.observation.names)
            if read == _MOST_EVENTS:
                return

    try:
        asyncio.run(read())
    except (KernelscopeError, OSError):
        return []
    return sorted(found)
