"""Recordings: the only place where sqlite3 is used."""
