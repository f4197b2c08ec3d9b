"""Reads a recording as a source of events; the screen cannot tell it from a live kernel.

A recording may be hostile: it is opened read-only, nothing in it is run, its text is made safe to display,
and the size of each event is bounded.
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

from kernelscope.domain.events import Detached, Event, ReplayedEvent, count_looks
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
from kernelscope.storage.schema import APPLICATION_ID, LONGEST, VERSION, has_schema, migrate
from kernelscope.text import clean
from kernelscope.userfiles import display_path, open_regular

T = TypeVar("T")

_AT_ONCE = 4_096
"""Events that are read before the file is closed again."""
FOLLOW_S = 0.2
"""Seconds between two looks at a file that is still being written."""

_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""SQLite's errors for an unfinished recording if it cannot create its own files beside it."""
_ROLLBACK_JOURNAL = b"\x01\x01"
"""Bytes 18 and 19 of an SQLite file that has no write-ahead log."""


class _Row(NamedTuple):
    """One event as the file holds it; its fields may have any type."""

    body: object
    sources: list[str]
    """The sources of its cells, safe to display."""
    judgements: object


class RecordingSource:
    """The events of a file, as fast as they are read, with the verdicts that were given.

    Args:
        path: a file that a ``Recorder`` wrote or is still writing.
        follow: wait for further events until the recording is closed.
        rejudge: leave the verdicts out, so that this version judges the events again.
    """

    def __init__(self, path: Path, *, follow: bool = False, rejudge: bool = False) -> None:
        self._path = path.absolute()
        self._shown = clean(str(path), limit=1_000)
        self._follow, self._rejudge = follow, rejudge
        self._sources: dict[int, str] = {}
        self._is_of_this_version = True
        """Set by the first read."""

    def about(self) -> About:
        """What the recording says about itself.

        Raises:
            RecordingError: as ``events``.
        """
        with self._read() as database:
            row = database.execute("SELECT body FROM about ORDER BY id").fetchone()
            return self._decode("its description", decode_about, row[0]) if row else About()

    async def events(self) -> AsyncIterator[Event | ReplayedEvent]:
        """All events, and ``Detached`` if the file does not end with one.

        Raises:
            RecordingError: not a recording, one of a newer version, or a damaged one.
        """
        seq, event = 0, None
        while True:
            complete = not self._follow or self._is_finished()
            rows = self._rows_after(seq)
            for seq, row in enumerate(rows, seq + 1):  # noqa: B020 - continues after the last batch
                replayed = self._read_event(seq, row)
                event = replayed.event
                yield replayed if replayed.judgements else event
            if isinstance(event, Detached):
                return
            if len(rows) < _AT_ONCE:
                if complete:
                    break
                await asyncio.sleep(FOLLOW_S)
        yield Detached("the recording ends here")

    async def close(self) -> None:
        """Nothing to close: no file stays open between two reads, so that its writer can finish it."""

    def _is_finished(self) -> bool:
        try:
            self._must_be_a_file()
            return _is_finished(self._path)
        except OSError as error:
            raise self._bad(clean(error.strerror or str(error))) from error

    def _rows_after(self, seq: int) -> list[_Row]:
        """The next batch of events; a short one is the last for the time being."""
        with self._read() as database:
            if not seq:
                self._must_be_whole(database)
            # A file of an older version is migrated for each read, so it is read at once.
            most = _AT_ONCE if self._is_of_this_version else -1
            stored_rows = database.execute(
                "SELECT seq, body, sources, judgements FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, most),
            ).fetchall()
            rows = []
            for number, (stored, body, sources, judgements) in enumerate(stored_rows, seq + 1):
                if stored != number:
                    raise self._bad(f"its event {number} is missing")
                what = f"its event {number}"
                numbers = self._decode(what, decode_sources, sources) if sources is not None else ()
                rows.append(
                    _Row(body, [self._source(database, source, what) for source in numbers], judgements)
                )
            return rows

    def _read_event(self, number: int, row: _Row) -> ReplayedEvent:
        what = f"its event {number}"
        event = self._decode(what, lambda text: decode_event(text, row.sources), row.body)
        if row.judgements is None or self._rejudge:
            return ReplayedEvent(event)
        judgements = self._decode(f"the verdict on {what}", decode_judgements, row.judgements)
        if len(judgements) not in (0, count_looks(event)):
            raise self._bad(f"{what} has {count_looks(event)} looks and {len(judgements)} verdicts")
        return ReplayedEvent(event, judgements)

    def _source(self, database: sqlite3.Connection, number: int, what: str) -> str:
        source = self._sources.get(number)
        if source is None:
            row = database.execute("SELECT source FROM sources WHERE id = ?", (number,)).fetchone()
            source = self._decode(f"the source of {what}", decode_source, row[0] if row else None)
            self._sources[number] = source
        return source

    def _decode(self, what: str, decode: Callable[[str], T], text: object) -> T:
        if not isinstance(text, str):
            raise self._bad(f"{what} is not text")
        try:
            return decode(text)
        except WireError as error:
            raise self._bad(f"{what} cannot be read: {clean(str(error))}") from error

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """The recording in the form of this version; the file itself stays unchanged."""
        try:
            with self._open() as database:
                self._must_be_ours(database)
                (version,) = database.execute("PRAGMA user_version").fetchone()
                self._is_of_this_version = version == VERSION
                if self._is_of_this_version:
                    yield database
                    return
                with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                    database.backup(copy)  # the file stays unchanged
                    copy.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
                    migrate(copy)
                    yield copy
        # fault: 92c
        except sqlite3.Error as error:
            raise self._bad(clean(str(error))) from error
        except OSError as error:
            raise self._bad(clean(error.strerror or str(error))) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._must_be_a_file()
        with ExitStack() as stack:
            try:
                database = stack.enter_context(_read_only(self._path))
            except sqlite3.OperationalError as error:
                # fault: 90e
                if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
                    raise
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kernelscope-")))
                database = stack.enter_context(_read_only(_copy(self._path, folder)))
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
        if version < 1 or not has_schema(database, version):
            raise self._bad(f"its tables are not those of version {version}")

    def _must_be_whole(self, database: sqlite3.Connection) -> None:
        """Checks every page, because a damaged one could go unnoticed; about 2 ms for each megabyte."""
        ((finding,),) = database.execute("PRAGMA quick_check(1)")
        if finding != "ok":
            raise self._bad(f"it is damaged (malformed): {clean(str(finding))}")

    def _bad(self, why: str) -> RecordingError:
        return RecordingError(f"{self._shown} is not a recording that can be opened", why)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that hold a recording: SQLite keeps commits in files beside it."""
    return path, *(Path(f"{path}{end}") for end in ("-wal", "-shm", "-journal"))


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    # A finished recording has no log: SQLite would find another file's log by its name and use it.
    finished = "&immutable=1" if _is_finished(path) else ""
    # fault: 92d
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro{finished}", uri=True)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file
        yield database


def _is_finished(path: Path) -> bool:
    """Whether its header has the form that a ``Recorder`` writes last."""
    with open_regular(path) as file:
        return file.read(20)[18:] == _ROLLBACK_JOURNAL


def _copy(path: Path, folder: Path) -> Path:
    """Copies the recording and its log to a folder in which SQLite can merge them."""
    for end in ("", "-wal"):
        if os.path.lexists(f"{path}{end}"):
            shutil.copyfile(f"{path}{end}", folder / f"recording{end}")
    return folder / "recording"
