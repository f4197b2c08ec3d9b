"""Where connection files lie, found without a word to any kernel and without loading zmq."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kernelscope.userfiles import open_regular

_LONGEST = 65_536


def runtime_dirs() -> list[Path]:
    """Where connection files are looked for: the directories that exist, each once."""
    return [folder for folder in _named_dirs() if os.path.isdir(folder)]  # noqa: PTH112 - Path raises where it may not look, as in another user's $XDG_RUNTIME_DIR


def unreadable() -> list[Path]:
    """Connection files that this user may not read, and folders for them that it may not look into: those
    of another user's kernels."""
    found = []
    for folder in _named_dirs():
        try:
            is_folder = stat.S_ISDIR(folder.stat().st_mode)
        except PermissionError:
            is_folder = True
        except OSError:
            continue
        if is_folder and not os.access(folder, os.R_OK | os.X_OK):
            found.append(folder)
        elif is_folder:
            found += [path for path in named_as_a_kernels(folder) if _may_not_be_read(path)]
    return found


def _may_not_be_read(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and not os.access(path, os.R_OK)
    except OSError:
        return False


def _named_dirs() -> list[Path]:
    named = [jupyter_runtime_dir(), os.environ.get("JUPYTER_RUNTIME_DIR")]
    session = os.environ.get("XDG_RUNTIME_DIR")
    if session:
        named.append(str(Path(session, "jupyter", "runtime")))  # VS Code still writes there
    found = {os.path.realpath(folder): Path(folder) for folder in reversed(named) if folder}
    return list(reversed(found.values()))


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
        with open_regular(connection_file) as file:
            told = json.loads(file.read(_LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    found = told.get("jupyter_session") if isinstance(told, dict) else None
    return found if isinstance(found, str) and found.isprintable() else None
