"""A lock that lets at most one request of any kernelscope on this machine wait in a kernel.

A request to a busy kernel waits there until its cell has ended and cannot be cancelled, even if its sender
exits.  So each sender holds a lock file until the kernel answers: a small file named after the kernel's
process, which the loader removes when it answers (see ``probe/loader.py``).

Until its request is sent, the lock file also names the process of its holder.  If that process ends first,
nothing waits in the kernel, and the lock is free.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from kernelscope.kernel.processes import find_kernel_process
from kernelscope.kernel.runtime_dirs import lock_dir
from kernelscope.system import has_ended, start_mark


class RequestLock:
    """The right to send one request to one kernel.

    Args:
        connection_file: the kernel's; ``None`` for connection info from standard input.
    """

    def __init__(self, connection_file: Path | None) -> None:
        self.token = uuid.uuid4().hex
        """Tells this lock file from another holder's."""
        self._file = None if connection_file is None else _lock_file_for(connection_file)
        self._is_sent = False

    @property
    def file(self) -> str:
        """The lock file, for the loader to remove; empty if there is none."""
        return "" if self._file is None else str(self._file)

    def acquire(self) -> bool:
        """Whether this process holds the lock now; true if the kernel cannot be locked from here."""
        if self._file is None:
            return True
        _remove_unsent(self._file)
        try:
            # fault: 18e
            _create(self._file, self.token)
        except FileExistsError:
            # fault: 18a
            return False
        except OSError:  # lock files cannot be written here: do without
            self._file = None
        return True

    def mark_sent(self) -> None:
        """The request is sent, and waits in the kernel even if this process ends.

        Call it some time after sending: ZMQ hands the message over in a thread of its own.
        """
        if self._file is not None and not self._is_sent:
            self._is_sent = True
            with suppress(OSError):
                # fault: 18d
                os.truncate(self._file, len(self.token))  # creates no file if the loader has removed it

    def break_(self) -> None:
        """Takes the lock from a holder whose request does not wait any more."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink()

    def release(self) -> None:
        """Frees the lock: the request was answered, or its kernel has ended."""
        with suppress(OSError):
            if self._file is not None and self._file.read_text(encoding="ascii").startswith(self.token):
                self._file.unlink()


def _lock_file_for(connection_file: Path) -> Path | None:
    """``None`` if the kernel's process is not known, because it runs on another machine."""
    pid = find_kernel_process(connection_file)
    if pid is None:
        return None
    folder = lock_dir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_dead(folder)
    except OSError:
        return None
    return folder / f"asked-{pid}-{start_mark(pid)}"


def _create(lock_file: Path, token: str) -> None:
    """Creates the lock of this process, complete at once: killed meanwhile, it leaves no lock without a holder behind.

    Raises:
        FileExistsError: another holder has it.
        OSError: it cannot be written here, or the file system has no hard links.
    """
    pid = os.getpid()
    mark = start_mark(pid)
    draft = lock_file.with_name(f"draft-{pid}-{mark}")
    draft.write_text(f"{token} {pid} {mark}", encoding="ascii")
    try:
        os.link(draft, lock_file)
    finally:
        draft.unlink(missing_ok=True)


def _remove_unsent(lock_file: Path) -> None:
    """Removes the lock of a process that ended before it sent its request."""
    with suppress(OSError, ValueError):
        _, pid, mark = lock_file.read_text(encoding="ascii").split(" ", 2)
        # fault: 18c
        if has_ended(int(pid), mark):
            lock_file.unlink()


def _remove_dead(folder: Path) -> None:
    """Removes the locks of kernels that have ended, and the drafts of watchers that were killed."""
    for lock_file in (*folder.glob("asked-*-*"), *folder.glob("draft-*-*")):
        _, pid, mark = lock_file.name.split("-", 2)
        if not pid.isdigit() or has_ended(int(pid), mark):
            with suppress(OSError):
                lock_file.unlink()
