"""The form of a recording: one SQLite file, with numbered migrations.

``events`` holds what was seen, as it came, so that a later version can judge it anew, and beside each
event what was made of it then; ``sources`` holds each source of a cell once, however often the cell ran;
``about`` tells of the recording itself.  There is no key in it, and nothing that is run when it is read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain

from kernelscope.protocol.upgrades import event_to_3, judgements_to_3

APPLICATION_ID = 0x6B736370
"""``kscp``, in the file's header: tells a recording from any other SQLite file."""

MIGRATIONS = (
    ("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",),
    (
        # Before, the sources stood in the bodies, and there were no judgements: NULL.
        "ALTER TABLE events ADD COLUMN sources TEXT",
        "ALTER TABLE events ADD COLUMN judgements TEXT",
        "CREATE TABLE sources (id INTEGER PRIMARY KEY, source TEXT NOT NULL) STRICT",
        "CREATE TABLE about (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
    (
        # Before, what was made of an event held English. The functions are Python's: see ``migrate``.
        "UPDATE events SET judgements = judgements_to_3(judgements) WHERE judgements IS NOT NULL",
        """UPDATE events SET body = event_to_3(body) WHERE body LIKE '{"type":"kernel"%'""",
    ),
)
"""Each brings a file from the version that is its place to the next; each is one transaction."""

VERSION = len(MIGRATIONS)

LONGEST = 64_000_000
"""The most bytes of one event: no longer one is written, and a file that has one is not read."""


def migrate(database: sqlite3.Connection) -> None:
    """Brings a new or older file to ``VERSION``; a newer one is left as it is.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    add_functions(database)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        database.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            if database.in_transaction:  # SQLite itself rolls back where the disk is full
                # fault: 92f
                database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")


def add_functions(database: sqlite3.Connection) -> None:
    """The functions that migrations of what is stored as JSON call."""
    database.create_function("judgements_to_3", 1, judgements_to_3, deterministic=True)
    database.create_function("event_to_3", 1, event_to_3, deterministic=True)


def has_form(database: sqlite3.Connection, version: int) -> bool:
    """Whether its tables are those that the migrations up to ``version`` make, to the letter.

    In a stranger's file a name of ours may be a view that never ends.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as ours:
        add_functions(ours)
        for statement in chain.from_iterable(MIGRATIONS[:version]):
            ours.execute(statement)
        return _tables(ours) <= _tables(database)


def _tables(database: sqlite3.Connection) -> set[tuple[object, ...]]:
    return set(database.execute("SELECT type, name, sql FROM sqlite_master"))
