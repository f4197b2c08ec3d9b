"""Flushes committed data to the disk, while the recorder goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kernelscope.system import sync_to_disk


class Flusher:
    """Flushes a file in a thread of its own, because a slow disk must not delay the watching.

    Commits survive a crash of this process in any case.  With a flusher they survive a power cut as well, except
    for those made during the last flush.

    Args:
        path: the write-ahead log.  SQLite holds no lock on it that closing it here would release.
        sync: takes the file's descriptor and returns when its content is on the disk.
    """

    def __init__(self, path: Path, sync: Callable[[int], None] = sync_to_disk) -> None:
        self._path, self._sync = path, sync
        self._wanted, self._closed = threading.Event(), False
        self.error: OSError | None = None
        """Why a flush failed."""
        self._thread = threading.Thread(
            target=self._flush_on_request, name="kernelscope-flusher", daemon=True
        )
        self._thread.start()

    def flush(self) -> None:
        """Requests a flush; if one is under way, another follows it."""
        self._wanted.set()

    def close(self) -> None:
        """Waits for the flush that is under way."""
        self._closed = True
        self._wanted.set()
        self._thread.join()

    def _flush_on_request(self) -> None:
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
