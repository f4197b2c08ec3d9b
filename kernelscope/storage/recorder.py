"""Writes a session's events into a file, each as soon as it came."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import encode_event
from kernelscope.storage.schema import LONGEST, migrate
from kernelscope.text import clean
from kernelscope.timeline.timeline import Update

_FAILURES = (sqlite3.Error, OSError, ValueError, OverflowError, MemoryError)
"""What writing raises: OverflowError and MemoryError for an event that is too long to be handed over."""
_BESIDE = ("-wal", "-journal")
"""Files in which SQLite keeps what is committed, or is to be taken back."""


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
        self._path = path.absolute()  # to SQLite, ":memory:" is no name of a file
        self._on_failure = on_failure
        self._database: sqlite3.Connection | None = _made(self._path, clean(str(path), limit=1_000))
        self._file = _identity(self._path)

    def __call__(self, update: Update) -> None:
        """Commits the update's event."""
        if self._database is None:
            return
        try:
            body = encode_event(update.event)
            self._database.execute("INSERT INTO events (body) VALUES (?)", (body,))
        except _FAILURES as error:
            self.close()
            self._on_failure(clean(str(error) or type(error).__name__))
            return
        if _identity(self._path) != self._file:
            self.close()
            self._on_failure("the file was removed or moved; one that was moved has all that came until then")

    def close(self) -> None:
        """Ends the recording; may be called twice."""
        database, self._database = self._database, None
        if database is None:
            return
        moved = _identity(self._path) != self._file
        with suppress(sqlite3.Error):
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it into the one file
            if not moved:
                # One that is finished can be read from where nothing can be written.
                database.execute("PRAGMA journal_mode = DELETE")
        with suppress(sqlite3.Error):
            database.close()
        if moved and not os.path.lexists(self._path):
            _remove_emptied(self._path)  # SQLite leaves them to a file that it cannot find by its name


def _made(path: Path, shown: str) -> sqlite3.Connection:
    """A new recording at ``path``."""
    if any(_size(Path(f"{path}{end}")) for end in _BESIDE):
        raise RecordingError(
            f"beside {shown} lies what belongs to an earlier recording of that name",
            "It may hold events that are nowhere else, and would be written over: name another file.",
        )
    database: sqlite3.Connection | None = None
    created = False
    try:
        path.touch(mode=0o600, exist_ok=False)  # it will hold the user's source: theirs alone to read
        created = True
        database = sqlite3.connect(path, isolation_level=None)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        migrate(database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut
    except FileExistsError:
        raise RecordingError(
            f"{shown} is there already", "A recording is not written over: name another file."
        ) from None
    except (OSError, sqlite3.Error) as error:
        if database is not None:
            database.close()
        if created:
            _remove(path)
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingError(f"{shown} cannot be written", clean(why)) from error
    return database


def _remove(path: Path) -> None:
    for end in ("", "-shm", *_BESIDE):
        with suppress(OSError):
            Path(f"{path}{end}").unlink()


def _remove_emptied(path: Path) -> None:
    """The files beside a recording that went away, where nothing is in them that is nowhere else."""
    if _size(Path(f"{path}-wal")) == 0:
        _remove(path)


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another that has taken its name."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
