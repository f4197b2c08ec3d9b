"""Reads a recording as a source of events: the screen cannot tell it from a live kernel.

A recording may come from a stranger: it is opened read-only, nothing of its own is run, its text is
made safe to display, and the size of each event is bounded.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import decode_event
from kernelscope.protocol.wire import WireError
from kernelscope.storage.schema import APPLICATION_ID, LONGEST, VERSION, has_form
from kernelscope.text import clean
from kernelscope.timeline.events import Detached, Event

_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""What SQLite says of an unfinished recording where it cannot put its own files beside it."""
_ROLLBACK_JOURNAL = b"\x01\x01"
"""Bytes 18 and 19 of an SQLite file that has no write-ahead log."""


class RecordingSource:
    """The events of a file, as fast as they are asked for.

    Args:
        path: a file that ``Recorder`` wrote, perhaps is writing still.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._shown = clean(str(path), limit=1_000)

    async def events(self) -> AsyncIterator[Event]:
        """All of them, and ``Detached`` where the file does not end with one.

        Raises:
            RecordingError: no recording, one of a newer version, or a damaged one.
        """
        event: Event | None = None
        for event in self._read():
            yield event
        if not isinstance(event, Detached):
            yield Detached("the recording ends here")

    async def close(self) -> None:
        """Nothing stays open between two reads."""

    def _read(self) -> Iterator[Event]:
        try:
            with self._opened() as database:
                self._must_be_ours(database)
                rows = database.execute("SELECT seq, body FROM events ORDER BY seq")
                for number, (seq, body) in enumerate(rows, 1):
                    if seq != number:
                        raise self._bad(f"its event {number} is missing")
                    yield self._decoded(number, body)
        except sqlite3.Error as error:
            raise self._bad(clean(str(error))) from error
        except OSError as error:
            raise self._bad(clean(error.strerror or str(error))) from error

    def _decoded(self, number: int, body: object) -> Event:
        if not isinstance(body, str):
            raise self._bad(f"its event {number} is no text")
        try:
            return decode_event(body)
        except WireError as error:
            raise self._bad(f"its event {number} cannot be read: {clean(str(error))}") from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._must_be_a_file()
        with ExitStack() as held:
            try:
                database = held.enter_context(_read_only(self._path))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
                    raise
                folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="kernelscope-")))
                database = held.enter_context(_read_only(_copied(self._path, folder)))
            yield database

    def _must_be_a_file(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise self._bad("there is no such file") from None
        if stat.S_ISDIR(status.st_mode):
            raise self._bad("this is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise self._bad("this is not a regular file")
        if not status.st_size:
            raise self._bad("it is empty")

    def _must_be_ours(self, database: sqlite3.Connection) -> None:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise self._bad("it was not written by kernelscope")
        if version > VERSION:
            raise self._bad(f"its version is {version}, and this kernelscope reads up to {VERSION}")
        if version < 1 or not has_form(database, version):
            raise self._bad(f"its tables are not those of version {version}")

    def _bad(self, why: str) -> RecordingError:
        return RecordingError(f"{self._shown} is no recording that can be opened", why)


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    # To a finished one no log belongs: SQLite would go by the name and take another file's for its own.
    finished = "&immutable=1" if _is_finished(path) else ""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro{finished}", uri=True)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file
        yield database


def _is_finished(path: Path) -> bool:
    """Whether its header has the form that a ``Recorder`` gives it as its last act."""
    with path.open("rb") as file:
        return file.read(20)[18:] == _ROLLBACK_JOURNAL


def _copied(path: Path, folder: Path) -> Path:
    """The recording and what is committed beside it, where SQLite can put both together."""
    for end in ("", "-wal"):
        if os.path.lexists(f"{path}{end}"):
            shutil.copyfile(f"{path}{end}", folder / f"recording{end}")
    return folder / "recording"
