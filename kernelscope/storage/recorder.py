"""Writes a session's events into a file, each as soon as it came."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import encode_event
from kernelscope.storage.schema import migrate
from kernelscope.text import clean
from kernelscope.timeline.timeline import Update


class Recorder:
    """A listener that commits every event before the next one comes.

    A failure to write ends the recording and not the watching: what was committed stays.

    Args:
        path: a file that is not there yet.
        on_failure: told, once, why the recording ended early.

    Raises:
        RecordingError: the file is there already, or cannot be made.
    """

    def __init__(self, path: Path, on_failure: Callable[[str], None]) -> None:
        shown = clean(str(path))
        try:
            path.touch(mode=0o600, exist_ok=False)  # it will hold the user's source: theirs alone to read
            self._database: sqlite3.Connection | None = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            migrate(self._database)
        except FileExistsError:
            raise RecordingError(
                f"{shown} is there already", "A recording is not written over: name another file."
            ) from None
        except (OSError, sqlite3.Error) as error:
            raise RecordingError(f"{shown} cannot be written", clean(str(error))) from error
        self._on_failure = on_failure

    def __call__(self, update: Update) -> None:
        """Commits the update's event."""
        if self._database is None:
            return
        try:
            self._database.execute("INSERT INTO events (body) VALUES (?)", (encode_event(update.event),))
        except sqlite3.Error as error:
            self.close()
            self._on_failure(clean(str(error)))

    def close(self) -> None:
        """Ends the recording; may be called twice."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
