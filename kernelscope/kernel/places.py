"""Where connection files lie, found without a word to any kernel and without loading zmq."""

from __future__ import annotations

import json
import os
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

_LONGEST = 65_536


def runtime_dirs() -> list[Path]:
    """Where connection files are looked for: the directories that exist, each once."""
    named = [jupyter_runtime_dir(), os.environ.get("JUPYTER_RUNTIME_DIR")]
    session = os.environ.get("XDG_RUNTIME_DIR")
    if session:
        named.append(str(Path(session, "jupyter", "runtime")))  # VS Code still writes there
    found = {os.path.realpath(folder): Path(folder) for folder in reversed(named) if folder}
    return [folder for folder in reversed(found.values()) if os.path.isdir(folder)]  # noqa: PTH112 - Path raises where it may not look, as in another user's $XDG_RUNTIME_DIR


def named_as_a_kernels(folder: Path) -> list[Path]:
    """Those that are there now; none where the folder has gone, or may not be looked into."""
    try:
        return list(folder.glob("kernel-*.json"))
    except OSError:
        return []


def notes_dir() -> Path:
    """Where a question that waits in a kernel is noted."""
    return Path(jupyter_runtime_dir()) / "kernelscope"


def notebook_in(connection_file: Path) -> str | None:
    """The notebook that a connection file names, as hostile as any text in it; for suggestions only."""
    try:
        with connection_file.open("rb") as file:
            told = json.loads(file.read(_LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    found = told.get("jupyter_session") if isinstance(told, dict) else None
    return found if isinstance(found, str) and found.isprintable() else None
