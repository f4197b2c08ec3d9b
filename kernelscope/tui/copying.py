"""Files that the dashboard writes: what is copied (not every terminal passes a clipboard on), and the rest."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path, PurePath

from kernelscope.timeline.past import History
from kernelscope.tui.model.said import Line, Said, line, plain, say


def save(lines: Sequence[Line]) -> Line:
    """Writes them to a file of the user's own; gives back what to tell the user."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="kernelscope-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write("".join(plain(one) + "\n" for one in lines))
    except OSError as error:
        return line(Said("Copied, if the terminal lets it; no file could be written: "), say(error.strerror))
    told = say(Path(file.name), limit=1_000)
    return line(Said("Copied; also in "), told, Said(" for terminals without a clipboard"))


def free_path(timeline: History, suffix: str) -> Path:
    """A file that is not there yet, in the working directory, called after the notebook and the time."""
    kernel = timeline.kernel
    told = (kernel.notebook or kernel.connection_file) if kernel is not None else ""
    stem = re.sub(r"[^\w-]+", "-", PurePath(told).stem, flags=re.ASCII).strip("-")[:60] or "kernel"
    stem += datetime.now().astimezone().strftime("-%Y%m%d-%H%M")
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.{suffix}" for number in count(1))
    return next(path for name in names if not (path := Path(name)).exists())
