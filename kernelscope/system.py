"""Everything that differs between operating systems.

No other module of the program contains such a call (``tests/test_platforms.py`` proves it), so this is the only
module to extend for another system.  ``kernelscope/probe/processes.py`` is its counterpart inside the watched
kernel, where only the standard library may be used.

psutil reads the process table.  No function here raises because a process ended meanwhile or belongs to
another user.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # what needs it has imported it
    import asyncio
    from collections.abc import Awaitable

    ServerCallback = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PLATFORM = sys.platform
ALIVE = "alive"
"""The start mark of a live process whose start time cannot be read."""

_PROC = Path("/proc")
_ENDED = frozenset({b"Z", b"X"})
"""States, in ``/proc/PID/stat``, of a process that has ended, whether or not its parent has collected its status."""


def is_supported(name: str = PLATFORM) -> bool:
    """Whether kernelscope has been tried on the system that ``sys.platform`` calls ``name``."""
    return name not in {"win32", "cygwin"}


def description() -> str:
    """The system, its release and its processor, for a report."""
    return platform.platform()


def effective_user() -> int | None:
    """The user id with which this process opens files; ``None`` on a system without user ids."""
    ask = getattr(os, "geteuid", None)
    return None if ask is None else int(ask())


# Processes.


class StartedProcess(NamedTuple):
    """A process and how it was started."""

    pid: int
    arguments: tuple[str, ...]
    started: float
    """Seconds since the epoch, to about a second."""
    folder: Path | None
    """Its working directory; ``None`` if this cannot be read."""


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists and has not ended, no matter which user owns it."""
    import psutil

    if pid <= 0:
        return False
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):  # it exists, but is another user's, or no more files can be opened
        return True


def is_stopped(pid: int) -> bool:
    """Whether the process was stopped (SIGSTOP, Ctrl-Z, a debugger) and has not been continued."""
    import psutil

    try:
        return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    except (psutil.Error, OSError, ValueError):
        return False


def start_mark(pid: int, proc: Path = _PROC) -> str:
    """A text that tells apart two processes that had the same id one after the other.

    The start time in clock ticks since the boot, field 22 of ``/proc/PID/stat``: the probe computes the same
    text for the same process, in any version of kernelscope.  psutil's start time is no substitute: it is
    a time of day, which differs between two readers when the clock was set meanwhile.

    Returns:
        ``ALIVE`` if the system does not give the start time; empty if there is no such process, or
        it has ended.
    """
    try:
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return "" if fields[0] in _ENDED else fields[19].decode()
    except (OSError, IndexError, ValueError):
        return ALIVE if is_alive(pid) else ""


def has_ended(pid: int, mark: str) -> bool:
    """Whether the process that had this ``start_mark`` has ended."""
    now = start_mark(pid)
    return not now or (now != mark and ALIVE not in {now, mark})


def find_processes(wanted: Callable[[tuple[str, ...]], bool]) -> Iterator[StartedProcess]:
    """The running processes whose arguments are ``wanted``, except for those that cannot be read.

    Raises:
        OSError: the system does not list its processes.
    """
    import psutil

    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            arguments = tuple(process.cmdline())
            if not wanted(arguments):
                continue
            started = StartedProcess(pid, arguments, process.create_time(), _folder_of(process))
            if process.is_running():  # all of it was read from one process
                yield started
        except (psutil.Error, OSError, ValueError):
            continue


def _folder_of(process: Any) -> Path | None:
    import psutil

    try:
        return Path(process.cwd())
    except (psutil.AccessDenied, OSError):
        return None


def machine_mark() -> str:
    """A text that identifies the machine and the space of process ids on it.

    The probe computes the same text on the same machine.
    """
    marks = [os.uname().nodename if hasattr(os, "uname") else ""]
    with contextlib.suppress(OSError):
        marks.append((_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        marks.append(str((_PROC / "self/ns/pid").readlink()))
    return " ".join(marks)


def on_end_signals(
    loop: asyncio.AbstractEventLoop,
    callback: Callable[..., object],
    *arguments: object,
    interrupt: bool = False,
) -> None:
    """Calls ``callback`` in the loop when the process is asked to end, or its terminal closes.

    Args:
        interrupt: on Ctrl-C as well.
    """
    # fault: 80a
    for name in ("SIGTERM", "SIGHUP", *(["SIGINT"] if interrupt else [])):
        if hasattr(signal, name):  # Windows has no SIGHUP
            loop.add_signal_handler(getattr(signal, name), callback, *arguments)


@contextlib.contextmanager
def interrupt_on_end_signals() -> Iterator[None]:
    """Raises ``KeyboardInterrupt`` when this process is asked to end, so that no unfinished file stays behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    changed = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


# Files.

STANDARD_INPUT, STANDARD_OUTPUT = Path("/dev/fd/0"), Path("/dev/fd/1")


def sync_function(calls: Any = os, control: Any = fcntl) -> Callable[[int], None]:
    """The function that flushes an open file to the disk on this system.

    Linux has ``fdatasync``.  macOS does not; its ``fsync`` hands the data to the disk, which may keep it in
    a volatile cache, and ``F_FULLFSYNC`` flushes that, too, if the file system supports it.

    Args:
        calls: the functions of ``os``.
        control: those of ``fcntl``; ``None`` on a system without it.
    """
    data_only: Callable[[int], None] | None = getattr(calls, "fdatasync", None)
    if data_only is not None:
        return data_only
    full = getattr(control, "F_FULLFSYNC", None)

    def sync(descriptor: int) -> None:
        if full is not None:
            with contextlib.suppress(OSError):  # not supported by every file system
                control.fcntl(descriptor, full)
                return
        calls.fsync(descriptor)

    return sync


sync_to_disk = sync_function()
"""Takes a file's descriptor and returns when the content is on the disk."""


def open_without_waiting(path: Path) -> int:
    """A descriptor for reading; a FIFO without a writer does not block, and no terminal becomes the controlling one.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDONLY | _flags("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"))


def open_to_write(path: Path) -> int:
    """A descriptor for writing to an existing file; waits for the reader of a FIFO, and no terminal becomes the
    controlling one.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_WRONLY | _flags("O_CLOEXEC", "O_NOCTTY"))


def _flags(*names: str) -> int:
    """The flags of these names that this system has, combined."""
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


def open_terminal() -> IO[bytes]:
    """The controlling terminal, even if standard input is something else.

    Raises:
        OSError: there is none.
    """
    return open("/dev/tty", "rb")  # noqa: PTH123 - a device; the caller closes it


# Sockets in the file system.


async def start_local_server(callback: ServerCallback, path: Path) -> asyncio.Server:
    """A server at a socket file; the file's permissions decide who can connect."""
    import asyncio

    return await asyncio.start_unix_server(callback, path)


async def connect_locally(path: str | Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server at a socket file.

    Raises:
        OSError: nothing listens there.
    """
    import asyncio

    return await asyncio.open_unix_connection(path)
