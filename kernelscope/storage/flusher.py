"""Puts what was committed on the disk, while who committed it goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kernelscope.system import sync_to_disk


class Flusher:
    """Asks the disk to keep a file, in a thread of its own: a slow one must not hold up the watching.

    What was committed outlives the death of this process without it; with it a power cut as well, but
    for what was committed while the disk was last waited for.

    Args:
        path: the write-ahead log.  SQLite has no lock on it, which to close it here would take away.
        sync: takes the file's descriptor, and returns when its content is on the disk.
    """

    def __init__(self, path: Path, sync: Callable[[int], None] = sync_to_disk) -> None:
        self._path, self._sync = path, sync
        self._wanted, self._closed = threading.Event(), False
        self.error: OSError | None = None
        """Why the disk could not keep it."""
        self._thread = threading.Thread(target=self._work, name="kernelscope-flusher", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Soon; one that is asked for while another is at work follows it."""
        self._wanted.set()

    def close(self) -> None:
        """Waits for the one that is at work."""
        self._closed = True
        self._wanted.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            descriptor = -1
            while self._wanted.wait() and not self._closed:
                self._wanted.clear()
                if descriptor < 0:
                    descriptor = os.open(self._path, os.O_RDONLY)
                self._sync(descriptor)
        except OSError as error:
            self.error = error
        finally:
            with suppress(OSError):
                os.close(descriptor)
