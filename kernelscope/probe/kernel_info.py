"""Which kernel this is, as an attach reply says it."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any

from .runs import RunTracker

if TYPE_CHECKING:
    from . import wire


def describe_kernel(ip: Any, runs: RunTracker, sees_calls: bool) -> wire.KernelReply:
    """The kernel's versions, process and notebook.

    Args:
        sees_calls: whether calls of learning methods are watched in it.
    """
    notebook = ip.user_ns.get("__vsc_ipynb_file__")
    session = os.environ.get("JPY_SESSION_NAME")
    ipykernel = sys.modules.get("ipykernel")
    return {
        "python": platform.python_version(),
        "pid": runs.pid,
        "execution_count": runs.latest_execution_count(),
        "notebook": notebook if type(notebook) is str else session,
        "ipykernel": getattr(ipykernel, "__version__", ""),
        "cwd": _working_directory(),
        "sees_calls": sees_calls,
    }


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""
