"""What is copied also goes to a file: not every terminal passes a clipboard on."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

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
