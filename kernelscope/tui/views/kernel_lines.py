"""Lines of the picker: running kernels to attach to and recordings to open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from kernelscope.kernel.entry import KernelEntry
from kernelscope.presentation.quantities import quantity
from kernelscope.tui.state.spans import Line, Span, fit, line, safe_span, truncate

_STATES = {"idle": "new", "busy": "warn", "live": "new", "dead": "dim"}
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def entry_line(entry: KernelEntry, cells: int, now: float) -> Line:
    """Describe one kernel in at most ``cells`` terminal cells; ``now`` dates its last activity."""
    name = PurePath(entry.notebook).name if entry.notebook else "(no notebook)"
    folder = str(PurePath(entry.notebook).parent) if entry.notebook else entry.connection_file.name
    room = max(12, cells - 66)
    owner = "stale" if entry.state == "dead" else entry.owner
    pieces = (
        Span(" "),
        safe_span(fit(name, 23), "dim" if entry.state == "dead" else "strong"),
        safe_span(fit(_fit_path(folder, room), room), "dim"),
        Span(" "),
        Span(fit(entry.state, 6), _STATES[entry.state]),
        Span(fit(format_age(entry.last_activity or entry.started, now), 12)),
        safe_span(fit(entry.kernel_name or "", 12), "dim"),
        safe_span(fit(owner, 11), "dim"),
    )
    return truncate(pieces, cells)


def recording_line(name: str, size: int, age: float, cells: int) -> Line:
    """Describe one recording in at most ``cells`` terminal cells.

    Args:
        size: in bytes.
        age: seconds since the last write.
    """
    pieces = (
        Span(" "),
        safe_span(fit(name, max(12, cells - 32)), "strong"),
        Span(fit(f" {size / 1e6:.1f} MB", 12)),
        Span(fit(format_age(0.0, age), 12), "dim"),
    )
    return truncate(pieces, cells)


def no_recordings_lines() -> tuple[Line, ...]:
    """What the list of recordings shows if it is empty."""
    return (
        line(Span("No recordings (*.kscope) in this folder.", "strong")),
        line(Span(" · "), Span("r", "key"), Span(" in the dashboard starts one")),
        line(Span(" · "), Span("kernelscope replay FILE", "strong"), Span(" opens one of another folder")),
    )


def _fit_path(folder: str, cells: int) -> str:
    """A path shortened at its beginning: the end says more."""
    return "" if folder == "." else folder if len(folder) < cells else "…" + folder[2 - cells :]


def format_age(then: float | None, now: float) -> str:
    """The time since ``then`` in its largest unit: ``2 min ago``."""
    if then is None:
        return ""
    seconds = max(0.0, now - then)
    for span, unit in _SPANS:
        if seconds >= span:
            return f"{seconds // span:.0f} {unit} ago"
    return "now"


def filter_entries(entries: Sequence[KernelEntry], query: str) -> tuple[KernelEntry, ...]:
    """The kernels whose line contains ``query``, live ones first."""
    sought = query.casefold()
    matches = (
        e
        for e in entries
        if sought in f"{e.notebook or ''} {e.kernel_name or ''} {e.owner} {e.connection_file.name}".casefold()
    )
    return tuple(sorted(matches, key=lambda entry: entry.state == "dead"))


def no_kernels_lines(
    entries: Sequence[KernelEntry], query: str, looked_in: Sequence[str]
) -> tuple[Line, ...]:
    """What the picker says if no live kernel is listed."""
    if query and entries:
        return (line(Span("No kernel matches "), safe_span(query, "strong"), Span(".")),)
    stale = sum(entry.state == "dead" for entry in entries)
    places = f" Looked in {', '.join(looked_in)}." if looked_in else ""
    return (
        line(
            Span("No running kernel found.", "strong"),
            safe_span(places),
            Span(f" ({quantity(stale, 'stale connection file')})" if stale else "", "dim"),
        ),
        (),
        line(Span(" · open a notebook in Jupyter or VS Code: it appears here by itself")),
        line(
            Span(" · or press "),
            Span("d", "key"),
            Span(" for a demo, "),
            Span("o", "key"),
            Span(" for a recording"),
        ),
    )
