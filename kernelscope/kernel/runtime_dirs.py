"""The directories that hold connection files, found without contact to any kernel and without loading zmq."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kernelscope.userfiles import open_regular

_LONGEST = 65_536


def runtime_dirs() -> list[Path]:
    """The directories in which connection files are searched; those that exist, each once."""
    return [folder for folder in _named_dirs() if os.path.isdir(folder)]  # noqa: PTH112 - Path raises if access is denied, as in another user's $XDG_RUNTIME_DIR


def find_unreadable() -> list[Path]:
    """Connection files and their folders that this user may not read: those of another user's kernels."""
    paths = []
    for folder in _named_dirs():
        try:
            is_folder = stat.S_ISDIR(folder.stat().st_mode)
        except PermissionError:
            is_folder = True
        except OSError:
            continue
        if is_folder and not os.access(folder, os.R_OK | os.X_OK):
            paths.append(folder)
        elif is_folder:
            paths += [path for path in list_connection_files(folder) if _is_unreadable(path)]
    return paths


def _is_unreadable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and not os.access(path, os.R_OK)
    except OSError:
        return False


def _named_dirs() -> list[Path]:
    named = [jupyter_runtime_dir(), os.environ.get("JUPYTER_RUNTIME_DIR")]
    session = os.environ.get("XDG_RUNTIME_DIR")
    if session:
        named.append(str(Path(session, "jupyter", "runtime")))  # VS Code still writes there
    distinct = {os.path.realpath(folder): Path(folder) for folder in reversed(named) if folder}
    return list(reversed(distinct.values()))


def list_connection_files(folder: Path) -> list[Path]:
    """The files named like a kernel's; none if the folder is gone or may not be read."""
    try:
        return list(folder.glob("kernel-*.json"))
    except OSError:
        return []


def lock_dir() -> Path:
    """The directory of the lock files; see ``request_lock``."""
    return Path(jupyter_runtime_dir()) / "kernelscope"


def read_notebook_name(connection_file: Path) -> str | None:
    """The notebook that a connection file names; unchecked text, for suggestions only."""
    try:
        with open_regular(connection_file) as file:
            content = json.loads(file.read(_LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    name = content.get("jupyter_session") if isinstance(content, dict) else None
    return name if isinstance(name, str) and name.isprintable() else None
