"""Reads a recording as a source of events: the screen cannot tell it from a live kernel.

A recording may come from a stranger: it is opened read-only, its text is made safe to display, and
its size is bounded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kernelscope.errors import RecordingError
from kernelscope.protocol.stored import decode_event
from kernelscope.protocol.wire import WireError
from kernelscope.storage.schema import APPLICATION_ID, VERSION
from kernelscope.text import clean
from kernelscope.timeline.events import Detached, Event


class RecordingSource:
    """The events of a file, as fast as they are asked for.

    Args:
        path: a file that ``Recorder`` wrote, perhaps is writing still.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = clean(str(path))

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
        with self._opened() as database:
            for seq, body in database.execute("SELECT seq, body FROM events ORDER BY seq"):
                try:
                    yield decode_event(body)
                except WireError as error:
                    raise self._bad(f"its event {seq} cannot be read: {clean(str(error))}") from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise self._bad("there is no such file")
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                (application,) = database.execute("PRAGMA application_id").fetchone()
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if application != APPLICATION_ID:
                    raise self._bad("it was not written by kernelscope")
                if version > VERSION:
                    raise self._bad(f"its version is {version}, and this kernelscope reads up to {VERSION}")
                yield database
        except sqlite3.Error as error:
            raise self._bad(clean(str(error))) from error

    def _bad(self, why: str) -> RecordingError:
        return RecordingError(f"{self._shown} is no recording that can be opened", why)
