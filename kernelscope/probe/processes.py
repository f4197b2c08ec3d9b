"""The process behind a watcher, as the kernel's own process sees it.

The only module of the probe whose calls differ from one system to another; nothing in it can signal a
process.  (On Windows ``os.kill(pid, 0)`` is Ctrl-C, and elsewhere a mistaken pid would be a risk for
nothing.)  On Linux ``/proc`` is read.  Elsewhere psutil is used if the kernel has imported it already, as
ipykernel does; without it nothing is known of other processes, and a watcher has to renew its lease as
if it ran on another machine.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

_STAT, _PROGRAM = "/proc/%d/stat", "/proc/%d/exe"
_ALIVE = "alive"
_NO_MACHINE = "processes cannot be seen"
"""The mark of a kernel that sees no processes; no watcher sends it, so that none counts as local."""


def start_mark(pid: int, stat: str = _STAT, platform: str = sys.platform) -> str:
    """Distinguishes two processes with one pid, as ``start_mark`` in ``kernelscope/system.py`` does.

    Args:
        stat: the path at which the system describes a process.

    Returns:
        The start time if the system reports it (Linux), else ``alive``; empty if there is no such process,
        it has ended, or nothing is known of other processes.
    """
    try:
        with open(stat % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        has_ended = fields[0] in (b"Z", b"X")  # whether or not its parent has waited for it
        return "" if has_ended else fields[19].decode()
    except (OSError, IndexError):
        return "" if platform == "linux" else _ask_psutil(pid)


def may_have_ended(pid: int, program: str = _PROGRAM, platform: str = sys.platform) -> bool:
    """Whether a process is not known to run, at a fraction of what ``start_mark`` costs.

    One that has ended has no program any more, whether or not its parent has waited for it.  Another one with its
    pid looks the same.
    """
    if platform != "linux":
        return True
    try:
        os.readlink(program % pid)
    except OSError:
        return True
    return False


def _ask_psutil(pid: int) -> str:
    psutil = sys.modules.get("psutil")
    if type(psutil) is not ModuleType or pid <= 0:
        return ""
    try:
        return "" if psutil.Process(pid).status() == "zombie" else _ALIVE
    except Exception as error:  # noqa: BLE001 - psutil's own errors cannot be named without an import
        return _ALIVE if type(error).__name__ == "AccessDenied" else ""


def machine_mark(stat: str = _STAT, platform: str = sys.platform) -> str:
    """Distinguishes one machine, and one namespace of process ids on it, from another.

    A kernel that cannot even see its own process cannot see a watcher's either; its mark is that of no watcher.
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
