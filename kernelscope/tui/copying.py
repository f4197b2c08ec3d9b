"""What is copied also goes to a file: not every terminal passes a clipboard on."""

from __future__ import annotations

import tempfile
from pathlib import Path


def copy(text: str) -> str:
    """Writes ``text`` to a file of the user's own; gives back what to tell the user."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="kernelscope-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text + "\n")
    except OSError as error:
        return f"Copied, if the terminal lets it; no file could be written: {error.strerror}"
    return f"Copied; also in {Path(file.name)} for terminals without a clipboard"
