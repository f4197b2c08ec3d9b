"""Writes a session's events and their verdicts into a file, each as soon as it comes."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from kernelscope import __version__
from kernelscope.domain.events import Attached, Detached, is_transient
from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import (
    About,
    encode_about,
    encode_event,
    encode_judgements,
    encode_sources,
)
from kernelscope.storage.flusher import Flusher
from kernelscope.storage.schema import LONGEST, migrate
from kernelscope.system import sync_to_disk
from kernelscope.text import clean
from kernelscope.timeline.timeline import Update
from kernelscope.userfiles import kind_of

_FAILURES = (sqlite3.Error, OSError, ValueError, OverflowError, MemoryError)
"""What writing raises: OverflowError and MemoryError for an event that is too long for SQLite."""
_GONE = "the file was removed or moved; a moved file holds all events until then"
_BESIDE = ("-wal", "-journal")
"""Suffixes of the files in which SQLite keeps commits, or what it may roll back."""


class RecordingResult(Struct, frozen=True):
    """What a recording holds when it has ended."""

    path: Path
    runs: int
    last_count: int
    """The execution count of its last run; 0 for none."""
    last_epoch: int
    failure: str
    """Why it ended early, safe to display; empty for a complete recording."""
    is_there: bool
    """Whether the path still leads to it."""


class Recorder:
    """A listener that commits every event before the next one comes.

    A failure to write ends the recording and not the watching; the events committed until then stay.

    Args:
        path: a file that does not exist yet.
        on_failure: called once, with the reason, if the recording ends early.
        clock: seconds since the epoch, UTC.
        sync: see ``Flusher``.

    Raises:
        RecordingError: the file exists already, or cannot be created.
    """

    def __init__(
        self,
        path: Path,
        on_failure: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.time,
        sync: Callable[[int], None] = sync_to_disk,
    ) -> None:
        self._path = _absolute(path)
        self._on_failure = on_failure
        self._clock = clock
        self._passing: Update | None = None
        """The kernel's latest passing state, if it came after the last event that was written."""
        self._sources: dict[bytes, int] = {}
        """The number of each source in the file, by its digest."""
        self._about = About(__version__, started=clock())
        self._runs, self._last, self._failure = 0, (0, 0), ""
        shown = clean(str(path), limit=1_000)
        self._database: sqlite3.Connection | None = _create(self._path, shown, self._about)
        self._file = _identity(self._path)
        self._flusher = Flusher(Path(f"{self._path}-wal"), sync)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def ended(self) -> bool:
        """Whether it was closed, or a write failed."""
        return self._database is None

    @property
    def result(self) -> RecordingResult:
        """What was committed so far."""
        epoch, count = self._last
        is_there = _identity(self._path) == self._file
        return RecordingResult(self._path, self._runs, count, epoch, self._failure, is_there)

    def __call__(self, update: Update) -> None:
        """Commits the update's event; a passing state only if it is the last: then a cell still runs."""
        passing, self._passing = self._passing, update if is_transient(update.event) else None
        if isinstance(update.event, Detached) and passing is not None:
            self.write((passing, update))
        elif self._passing is None:
            self.write((update,))

    def write(self, updates: Iterable[Update]) -> None:
        """Commits these updates in one transaction."""
        updates = tuple(updates)

        def insert(database: sqlite3.Connection) -> None:
            for update in updates:
                self._insert(database, update)

        why = self._commit(insert, updates)
        if why:
            self._failure = why
            self._on_failure(why)

    def close(self) -> None:
        """Ends the recording; may be called twice."""
        if self._database is None:
            return
        if _identity(self._path) == self._file:
            self._about = replace(self._about, ended=self._clock())
            # If the disk is full, the events already committed are still kept.
            self._commit(self._finish)
        else:
            self._failure = _GONE
        self._close_database()
        if self._flusher.error is not None:
            self._failure = self._failure or _reason(self._flusher.error)

    def _finish(self, database: sqlite3.Connection) -> None:
        if self._passing is not None:
            self._insert(database, self._passing)
        _write_about(database, self._about)

    def _commit(self, work: Callable[[sqlite3.Connection], None], updates: Sequence[Update] = ()) -> str:
        """Runs ``work`` in one transaction; returns why the recording has ended with it, or an empty text.

        Args:
            updates: the updates that the transaction adds.
        """
        if self._database is None:
            return ""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            work(self._database)
            self._database.execute("COMMIT")
        # fault: 90a
        except _FAILURES as error:
            self._close_database()
            # fault: 90f
            return clean(str(error) or type(error).__name__)
        self._count(updates)
        # fault: 90c
        if _identity(self._path) != self._file:
            self._close_database()
            return _GONE
        self._flusher.flush()
        if self._flusher.error is not None:
            self._close_database()
            return _reason(self._flusher.error)
        return ""

    def _count(self, updates: Sequence[Update]) -> None:
        """Counts the runs in the file."""
        runs = [moment for update in updates for moment in update.moments if moment.run is not None]
        self._runs += len(runs)
        if runs:
            self._last = runs[-1].epoch, runs[-1].execution_count

    def _insert(self, database: sqlite3.Connection, update: Update) -> None:
        body, sources = encode_event(update.event)
        numbers = encode_sources([self._number_of(database, source) for source in sources])
        judgements = encode_judgements(update.judgements)
        database.execute(
            "INSERT INTO events (body, sources, judgements) VALUES (?, ?, ?)", (body, numbers, judgements)
        )
        if isinstance(update.event, Attached):
            self._about = replace(self._about, kernel=update.event.kernel)
            _write_about(database, self._about)

    def _number_of(self, database: sqlite3.Connection, source: str) -> int:
        digest = hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        number = self._sources.get(digest)
        if number is None:
            number = self._sources[digest] = len(self._sources) + 1
            database.execute("INSERT INTO sources (id, source) VALUES (?, ?)", (number, source))
        return number

    def _close_database(self) -> None:
        database, self._database = self._database, None
        if database is None:
            return
        self._flusher.close()
        is_moved = _identity(self._path) != self._file
        with suppress(sqlite3.Error):
            if database.in_transaction:
                database.execute("ROLLBACK")
            # fault: 90d
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it into the one file
            if not is_moved:
                # A finished file can be read from a folder in which nothing can be written.
                database.execute("PRAGMA journal_mode = DELETE")
        with suppress(sqlite3.Error):
            database.close()
        if is_moved and not os.path.lexists(self._path):
            _remove_leftovers(self._path)  # SQLite keeps its files if it cannot find the database by name


def _reason(error: OSError) -> str:
    return clean(error.strerror or str(error))


def _absolute(path: Path) -> Path:
    """An absolute path, because SQLite does not take ":memory:" for the name of a file."""
    try:
        return path.absolute()
    except OSError as error:
        raise RecordingError(
            f"{clean(str(path))} cannot be written", "There is no working directory."
        ) from error


def _write_about(database: sqlite3.Connection, about: About) -> None:
    database.execute("INSERT OR REPLACE INTO about (id, body) VALUES (1, ?)", (encode_about(about),))


def _create(path: Path, shown: str, about: About) -> sqlite3.Connection:
    """A new recording at ``path``."""
    # fault: 91d
    if any(_is_in_the_way(Path(f"{path}{end}")) for end in ("-shm", *_BESIDE)):
        raise RecordingError(
            f"beside {shown} are files of an earlier recording with that name",
            "They may hold events that exist nowhere else and would be overwritten. Name another file.",
        )
    database: sqlite3.Connection | None = None
    is_created = False
    try:
        # fault: 92g
        path.touch(mode=0o600, exist_ok=False)  # it will hold the user's source code
        is_created = True
        # fault: 91a
        # fault: 90b
        database = sqlite3.connect(path, isolation_level=None)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        migrate(database)
        # fault: 91b
        database.execute("PRAGMA journal_mode = WAL")
        # fault: 91c
        database.execute("PRAGMA synchronous = NORMAL")  # the file stays consistent after a power cut, too
        _write_about(database, about)
    except FileExistsError:
        raise _occupied_error(path, shown) from None
    except (OSError, sqlite3.Error) as error:
        if database is not None:
            database.close()
        if is_created:
            _remove(path)
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingError(f"{shown} cannot be written", clean(why)) from error
    return database


def _occupied_error(path: Path, shown: str) -> RecordingError:
    """Why a recording cannot take the place of what exists at the path."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # it was removed in between
        mode = stat.S_IFREG
    if stat.S_ISREG(mode):
        return RecordingError(f"{shown} exists already", "A recording overwrites no file. Name another one.")
    kind = kind_of(mode) if path.exists() else f"{kind_of(mode)} to nothing"
    return RecordingError(
        f"{shown} exists already: it is {kind}", "A recording needs a new file. Name another one."
    )


def _remove(path: Path) -> None:
    for end in ("", "-shm", *_BESIDE):
        with suppress(OSError):
            Path(f"{path}{end}").unlink()


def _remove_leftovers(path: Path) -> None:
    """Removes the files beside a recording that is gone, if they hold no commits."""
    if _size(Path(f"{path}-wal")) == 0:
        _remove(path)


def _is_in_the_way(path: Path) -> bool:
    """Whether SQLite must not open this file, which it would do without checking it."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_index = path.name.endswith("-shm")  # it can be rebuilt
    return not stat.S_ISREG(status.st_mode) or (status.st_size > 0 and not is_index)


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that took its name; ``None`` if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
