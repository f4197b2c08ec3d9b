"""The form of a recording: one SQLite file, with numbered migrations.

A recording holds the events as they came, so that a later version can judge them anew.  It holds no
key, and nothing that is run when it is read.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x6B736370
"""``kscp``, in the file's header: tells a recording from any other SQLite file."""

MIGRATIONS = ("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",)
"""Each brings a file from the version that is its place to the next; each is one transaction."""

VERSION = len(MIGRATIONS)


def migrate(database: sqlite3.Connection) -> None:
    """Brings a new or older file to ``VERSION``; a newer one is left as it is.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    for number, statement in enumerate(MIGRATIONS[version:], version + 1):
        database.execute("BEGIN IMMEDIATE")
        try:
            database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
