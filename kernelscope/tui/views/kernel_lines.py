"""The kernels that can be attached to, and the recordings that can be opened, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from kernelscope.kernel.entry import KernelEntry
from kernelscope.tui.state.spans import Line, Span, fit, line, safe_span, truncate

_STATES = {"idle": "new", "busy": "warn", "live": "new", "dead": "dim"}
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def entry_line(entry: KernelEntry, cells: int, now: float) -> Line:
    """One kernel in one line."""
    name = PurePath(entry.notebook).name if entry.notebook else "(no notebook)"
    folder = str(PurePath(entry.notebook).parent) if entry.notebook else entry.connection_file.name
    room = max(12, cells - 66)
    owner = "stale file" if entry.state == "dead" else entry.owner
    pieces = (
        Span(" "),
        safe_span(fit(name, 23), "dim" if entry.state == "dead" else "strong"),
        safe_span(fit(_tail(folder, room), room), "dim"),
        Span(" "),
        Span(fit(entry.state, 6), _STATES[entry.state]),
        Span(fit(ago(entry.last_activity or entry.started, now), 12)),
        safe_span(fit(entry.kernel_name or "", 12), "dim"),
        safe_span(fit(owner, 11), "dim"),
    )
    return truncate(pieces, cells)


def recording_line(name: str, size: int, age: float, cells: int) -> Line:
    """One recording in one line.

    Args:
        size: in bytes.
        age: seconds since it was written.
    """
    pieces = (
        Span(" "),
        safe_span(fit(name, max(12, cells - 32)), "strong"),
        Span(fit(f" {size / 1e6:.1f} MB", 12)),
        Span(fit(ago(0.0, age), 12), "dim"),
    )
    return truncate(pieces, cells)


def no_recordings() -> tuple[Line, ...]:
    """What stands there when there is none."""
    return (
        line(Span("No recording (*.kscope) in this folder.", "strong")),
        line(
            Span(" · r in the dashboard makes one, "),
            Span("kernelscope replay FILE", "strong"),
            Span(" opens any"),
        ),
    )


def _tail(folder: str, cells: int) -> str:
    """The end of a path says more than its beginning."""
    return "" if folder == "." else folder if len(folder) < cells else "…" + folder[2 - cells :]


def ago(then: float | None, now: float) -> str:
    """How long ago, roughly."""
    if then is None:
        return ""
    seconds = max(0.0, now - then)
    for span, unit in _SPANS:
        if seconds >= span:
            return f"{seconds // span:.0f} {unit} ago"
    return "now"


def matching(entries: Sequence[KernelEntry], query: str) -> tuple[KernelEntry, ...]:
    """Those with ``wanted`` in anything that is shown of them; live ones first."""
    sought = query.casefold()
    matches = (
        e
        for e in entries
        if sought in f"{e.notebook or ''} {e.kernel_name or ''} {e.owner} {e.connection_file.name}".casefold()
    )
    return tuple(sorted(matches, key=lambda entry: entry.state == "dead"))


def nothing(entries: Sequence[KernelEntry], query: str, looked_in: Sequence[str]) -> tuple[Line, ...]:
    """What stands there when no kernel is shown."""
    if query and entries:
        return (line(Span("No kernel has "), safe_span(query, "strong"), Span(" in its name.")),)
    stale = sum(entry.state == "dead" for entry in entries)
    places = f" Looked in {', '.join(looked_in)}." if looked_in else ""
    return (
        line(
            Span("No running kernel found.", "strong"),
            safe_span(places),
            Span(f" ({stale} stale)" if stale else "", "dim"),
        ),
        (),
        line(Span(" · open a notebook in Jupyter or VS Code: it will appear here by itself")),
        line(
            Span(" · or press "),
            Span("d", "key"),
            Span(" for a demo, "),
            Span("o", "key"),
            Span(" for a recording"),
        ),
    )
