"""Running kernels as a table or as JSON lines."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from kernelscope.kernel.entry import KernelEntry
from kernelscope.text import clean, escape_json


def json_line(entry: KernelEntry) -> str:
    """One kernel as one JSON object; times are seconds since the epoch, UTC."""
    # fault: 9b
    record = msgspec.json.encode(
        {
            "connection_file": clean(str(entry.connection_file), limit=4_096),
            "kernel_id": clean(entry.kernel_id),
            "state": entry.state,
            "owner": clean(entry.owner),
            "notebook": None if entry.notebook is None else clean(entry.notebook, limit=4_096),
            "kernel_name": None if entry.kernel_name is None else clean(entry.kernel_name),
            "last_activity": entry.last_activity,
            "started": entry.started,
        }
    )
    return escape_json(record).decode()


def table(entries: Sequence[KernelEntry], now: float | None = None) -> str:
    """Aligned columns; ``now`` is in seconds since the epoch (default: the clock)."""
    clock = time.time() if now is None else now
    rows = [("CONNECTION", "NOTEBOOK", "STATE", "LAST ACTIVITY", "STARTED BY")]
    rows += [_row(entry, clock) for entry in entries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(entry: KernelEntry, now: float) -> tuple[str, str, str, str, str]:
    state = "stale file" if entry.state == "dead" else entry.state
    return (
        clean(entry.connection_file.name),
        clean(entry.notebook or "-"),
        state,
        "-" if entry.last_activity is None else ago(now - entry.last_activity),
        clean(entry.owner),
    )


def ago(seconds: float) -> str:
    """A duration before now, in words: ``now``, ``5 min ago``, ``2 h ago``, ``3 d ago``."""
    if seconds < 60:
        return "now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "now"
