"""Reads a recording as a source of events: the screen cannot tell it from a live kernel.

A recording may come from a stranger: it is opened read-only, nothing of its own is run, its text is
made safe to display, and the size of each event is bounded.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from kernelscope.domain.events import Detached, Event, Recalled, looks_in
from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import (
    About,
    decode_about,
    decode_event,
    decode_judgements,
    decode_source,
    decode_sources,
)
from kernelscope.protocol.wire import WireError
from kernelscope.storage.schema import APPLICATION_ID, LONGEST, VERSION, has_form, migrate
from kernelscope.text import clean
from kernelscope.userfiles import display_path, open_regular

T = TypeVar("T")

_AT_ONCE = 4_096
"""Events that are read before the file is let go of again."""
FOLLOW_S = 0.2
"""Seconds between two looks at a file that is still being written."""

_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""What SQLite says of an unfinished recording where it cannot put its own files beside it."""
_ROLLBACK_JOURNAL = b"\x01\x01"
"""Bytes 18 and 19 of an SQLite file that has no write-ahead log."""


class _Row(NamedTuple):
    """One event as it lies in the file, of whatever types a stranger put there."""

    body: object
    sources: list[str]
    """Of its cells, safe to display."""
    judgements: object


class RecordingSource:
    """The events of a file, as fast as they are asked for, with the verdicts that were given.

    Args:
        path: a file that ``Recorder`` wrote, perhaps is writing still.
        follow: wait for what is still being written, until the recording is closed.
        anew: without the verdicts that were given, so that this version judges what was seen.
    """

    def __init__(self, path: Path, *, follow: bool = False, anew: bool = False) -> None:
        self._path = path.absolute()
        self._shown = clean(str(path), limit=1_000)
        self._follow, self._anew = follow, anew
        self._sources: dict[int, str] = {}
        self._is_of_this_version = True
        """Known from the first read on."""

    def about(self) -> About:
        """What it tells of itself.

        Raises:
            RecordingError: as ``events``.
        """
        with self._read() as database:
            row = database.execute("SELECT body FROM about ORDER BY id").fetchone()
            return self._understood("what it tells of itself", decode_about, row[0]) if row else About()

    async def events(self) -> AsyncIterator[Event | Recalled]:
        """All of them, and ``Detached`` where the file does not end with one.

        Raises:
            RecordingError: no recording, one of a newer version, or a damaged one.
        """
        seq, event = 0, None
        while True:
            complete = not self._follow or self._is_finished()
            rows = self._rows_after(seq)
            for seq, row in enumerate(rows, seq + 1):  # noqa: B020 - goes on where the last ones ended
                recalled = self._recalled(seq, row)
                event = recalled.event
                yield recalled if recalled.judgements else event
            if isinstance(event, Detached):
                return
            if len(rows) < _AT_ONCE:
                if complete:
                    break
                await asyncio.sleep(FOLLOW_S)
        yield Detached("the recording ends here")

    async def close(self) -> None:
        """Nothing stays open between two reads: while one lasts, its writer cannot finish the file."""

    def _is_finished(self) -> bool:
        try:
            self._must_be_a_file()
            return _is_finished(self._path)
        except OSError as error:
            raise self._bad(clean(error.strerror or str(error))) from error

    def _rows_after(self, seq: int) -> list[_Row]:
        """As many as are read at once; fewer where there are no more."""
        with self._read() as database:
            if not seq:
                self._must_be_whole(database)
            # A file of an older version is brought to this one for each read: that is done once for all.
            most = _AT_ONCE if self._is_of_this_version else -1
            found = database.execute(
                "SELECT seq, body, sources, judgements FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, most),
            ).fetchall()
            rows = []
            for number, (told, body, sources, judgements) in enumerate(found, seq + 1):
                if told != number:
                    raise self._bad(f"its event {number} is missing")
                what = f"its event {number}"
                places = self._understood(what, decode_sources, sources) if sources is not None else ()
                rows.append(_Row(body, [self._source(database, place, what) for place in places], judgements))
            return rows

    def _recalled(self, number: int, row: _Row) -> Recalled:
        what = f"its event {number}"
        event = self._understood(what, lambda text: decode_event(text, row.sources), row.body)
        if row.judgements is None or self._anew:
            return Recalled(event)
        given = self._understood(f"what was made of {what}", decode_judgements, row.judgements)
        if len(given) not in (0, looks_in(event)):
            raise self._bad(f"{what} has {looks_in(event)} looks, and {len(given)} were judged")
        return Recalled(event, given)

    def _source(self, database: sqlite3.Connection, place: int, what: str) -> str:
        known = self._sources.get(place)
        if known is None:
            row = database.execute("SELECT source FROM sources WHERE id = ?", (place,)).fetchone()
            known = self._understood(f"the source of {what}", decode_source, row[0] if row else None)
            self._sources[place] = known
        return known

    def _understood(self, what: str, decode: Callable[[str], T], text: object) -> T:
        if not isinstance(text, str):
            raise self._bad(f"{what} is no text")
        try:
            return decode(text)
        except WireError as error:
            raise self._bad(f"{what} cannot be read: {clean(str(error))}") from error

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """The recording as one of this version has it."""
        try:
            with self._opened() as database:
                self._must_be_ours(database)
                (version,) = database.execute("PRAGMA user_version").fetchone()
                self._is_of_this_version = version == VERSION
                if self._is_of_this_version:
                    yield database
                    return
                with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                    database.backup(copy)  # what is on the disk stays as it is
                    copy.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
                    migrate(copy)
                    yield copy
        # fault: 92c
        except sqlite3.Error as error:
            raise self._bad(clean(str(error))) from error
        except OSError as error:
            raise self._bad(clean(error.strerror or str(error))) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._must_be_a_file()
        with ExitStack() as held:
            try:
                database = held.enter_context(_read_only(self._path))
            except sqlite3.OperationalError as error:
                # fault: 90e
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
        # fault: 92e
        if not stat.S_ISREG(status.st_mode):
            raise self._bad("this is not a regular file")
        if not status.st_size:
            raise self._bad("it is empty")
        for beside in () if _is_finished(self._path) else files_of(self._path)[1:]:
            if os.path.exists(beside) and not os.path.isfile(beside):  # noqa: PTH110, PTH113 - raise nothing
                raise self._bad(f"{display_path(beside)} is not a regular file, and SQLite would open it")

    def _must_be_ours(self, database: sqlite3.Connection) -> None:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise self._bad("it was not written by kernelscope")
        # fault: 92a
        if version > VERSION:
            raise self._bad(f"its version is {version}, and this kernelscope reads up to {VERSION}")
        # fault: 92b
        if version < 1 or not has_form(database, version):
            raise self._bad(f"its tables are not those of version {version}")

    def _must_be_whole(self, database: sqlite3.Connection) -> None:
        """A damaged page may hold what would be missed by nobody; some 2 ms for each megabyte."""
        ((told,),) = database.execute("PRAGMA quick_check(1)")
        if told != "ok":
            raise self._bad(f"it is damaged (malformed): {clean(str(told))}")

    def _bad(self, why: str) -> RecordingError:
        return RecordingError(f"{self._shown} is no recording that can be opened", why)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that hold a recording: SQLite keeps what it commits beside the one that is named."""
    return path, *(Path(f"{path}{end}") for end in ("-wal", "-shm", "-journal"))


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    # To a finished one no log belongs: SQLite would go by the name and take another file's for its own.
    finished = "&immutable=1" if _is_finished(path) else ""
    # fault: 92d
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro{finished}", uri=True)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file
        yield database


def _is_finished(path: Path) -> bool:
    """Whether its header has the form that a ``Recorder`` gives it as its last act."""
    with open_regular(path) as file:
        return file.read(20)[18:] == _ROLLBACK_JOURNAL


def _copied(path: Path, folder: Path) -> Path:
    """The recording and what is committed beside it, where SQLite can put both together."""
    for end in ("", "-wal"):
        if os.path.lexists(f"{path}{end}"):
            shutil.copyfile(f"{path}{end}", folder / f"recording{end}")
    return folder / "recording"
