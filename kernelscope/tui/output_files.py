"""Files that the dashboard writes: copied text (not every terminal has a clipboard), recordings and exports."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path, PurePath

from kernelscope.timeline.view import TimelineView
from kernelscope.tui.state.spans import Line, Span, line, plain, safe_span
from kernelscope.userfiles import write_copied


def save_copy(lines: Sequence[Line]) -> Line:
    """Write the lines to the user's private file for the latest copy; returns the notice to show."""
    try:
        path = write_copied("".join(plain(one) + "\n" for one in lines))
    except OSError as error:
        return line(
            Span("Copied, if the terminal allows it; writing a file failed: "), safe_span(error.strerror)
        )
    saved = safe_span(path, limit=1_000)
    return line(Span("Copied; for terminals without a clipboard also saved to "), saved)


def free_path(timeline: TimelineView, suffix: str) -> Path:
    """A path in the working directory that does not exist yet, named after the notebook and the time."""
    kernel = timeline.kernel
    source = (kernel.notebook or kernel.connection_file) if kernel is not None else ""
    stem = re.sub(r"[^\w-]+", "-", PurePath(source).stem, flags=re.ASCII).strip("-")[:60] or "kernel"
    stem += datetime.now().astimezone().strftime("-%Y%m%d-%H%M")
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.{suffix}" for number in count(1))
    return next(path for name in names if not os.path.lexists(path := Path(name)))
