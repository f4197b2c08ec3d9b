"""The schema of a recording: one SQLite file, with numbered migrations.

``events`` holds the events as they came, so that a later version can judge them again, and beside each event
the verdicts that were given then; ``sources`` holds each cell's source once, however often the cell ran;
``about`` describes the recording itself.  A recording holds no key, and nothing in it is run when it is read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain

from kernelscope.protocol.upgrades import event_to_3, judgements_to_3

APPLICATION_ID = 0x6B736370
"""``kscp``, in the file's header: tells a recording from other SQLite files."""

MIGRATIONS = (
    ("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",),
    (
        # Bodies of version 1 hold their sources themselves and have no judgements: NULL.
        "ALTER TABLE events ADD COLUMN sources TEXT",
        "ALTER TABLE events ADD COLUMN judgements TEXT",
        "CREATE TABLE sources (id INTEGER PRIMARY KEY, source TEXT NOT NULL) STRICT",
        "CREATE TABLE about (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
    (
        # Judgements of version 2 hold English sentences. The functions are Python's: see ``add_functions``.
        "UPDATE events SET judgements = judgements_to_3(judgements) WHERE judgements IS NOT NULL",
        """UPDATE events SET body = event_to_3(body) WHERE body LIKE '{"type":"kernel"%'
           OR body LIKE '%"backward"%' OR body LIKE '%"by-gradient"%' OR body LIKE '%"in-place"%'
           OR body LIKE '%"None"%' OR body LIKE '%tensor"%' OR body LIKE '%tensor (0,)"%'""",
    ),
)
"""The n-th brings a file from version n to n + 1, counted from 0; each is one transaction."""

VERSION = len(MIGRATIONS)

LONGEST = 64_000_000
"""The most bytes of one event: a longer one is not written, and a file with one is not read."""


def migrate(database: sqlite3.Connection) -> None:
    """Brings a new or older file to ``VERSION``; a newer one stays unchanged.

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
    """Adds the functions that migrations of stored JSON call."""
    database.create_function("judgements_to_3", 1, judgements_to_3, deterministic=True)
    database.create_function("event_to_3", 1, event_to_3, deterministic=True)


def has_schema(database: sqlite3.Connection, version: int) -> bool:
    """Whether its tables are exactly those that the migrations up to ``version`` create.

    In a hostile file, a table's name may belong to a view that never ends.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as expected:
        add_functions(expected)
        for statement in chain.from_iterable(MIGRATIONS[:version]):
            expected.execute(statement)
        return _tables(expected) <= _tables(database)


def _tables(database: sqlite3.Connection) -> set[tuple[object, ...]]:
    return set(database.execute("SELECT type, name, sql FROM sqlite_master"))
