"""The process behind a watcher, as the kernel's own process sees it.

The only module of the probe whose calls differ from one system to another; nothing in it can signal a
process.  (On Windows ``os.kill(pid, 0)`` is Ctrl-C, and elsewhere a mistaken pid would be a risk for
nothing.)  Linux is read from ``/proc``.  Elsewhere psutil is used if the kernel has imported it already, as
ipykernel does; without it nothing is known of other processes, and a watcher has to renew its lease as
if it ran on another machine.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

_STAT = "/proc/%d/stat"
_ALIVE = "alive"
_NO_MACHINE = "processes cannot be seen"
"""No watcher sends this, so that none counts as one on the same machine."""


def start_mark(pid: int, stat: str = _STAT, platform: str = sys.platform) -> str:
    """What tells two processes with one pid apart, as ``start_mark`` in ``kernelscope/system.py`` does.

    Args:
        stat: where the system describes a process.

    Returns:
        The start time where the system tells it (Linux), else ``alive``; empty where there is no such process,
        it has ended, or nothing is known of other processes.
    """
    try:
        with open(stat % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        ended = fields[0] in (b"Z", b"X")  # whether or not its parent has asked how
        return "" if ended else fields[19].decode()
    except (OSError, IndexError):
        return "" if platform == "linux" else _ask_psutil(pid)


def _ask_psutil(pid: int) -> str:
    psutil = sys.modules.get("psutil")
    if type(psutil) is not ModuleType or pid <= 0:
        return ""
    try:
        return "" if psutil.Process(pid).status() == "zombie" else _ALIVE
    except Exception as error:  # noqa: BLE001 - psutil's own errors cannot be named without an import
        return _ALIVE if type(error).__name__ == "AccessDenied" else ""


def machine_mark(stat: str = _STAT, platform: str = sys.platform) -> str:
    """What tells one machine, and one space of process ids on it, from another.

    A kernel that does not even see its own process sees no watcher's either: it says so, and then no
    watcher is on its machine.
    """
    if not start_mark(os.getpid(), stat, platform):
        return _NO_MACHINE
    marks = [os.uname().nodename if hasattr(os, "uname") else ""]
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as boot:
            marks.append(boot.read().decode().strip())
        marks.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass
    return " ".join(marks)
