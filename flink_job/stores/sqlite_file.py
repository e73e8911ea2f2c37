"""The file of a SQLite store: its tables, how it is opened, and whole transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from operators.base.errors import StoreError

LAYOUT: Final = 2
_BUSY_S: Final = 5.0

# `forgotten` knows users by a hash: nobody's id stays behind.
_TABLES: Final = """
CREATE TABLE assignments (
    user TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL);
CREATE TABLE members (
    audience TEXT, user TEXT, since TEXT, version INTEGER NOT NULL,
    PRIMARY KEY (audience, user)) WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);
CREATE TABLE transitions (
    user TEXT, version INTEGER, segment TEXT, record TEXT NOT NULL,
    PRIMARY KEY (user, version, segment)) WITHOUT ROWID;
CREATE INDEX transitions_by_version ON transitions (version);
CREATE TABLE forgotten (user BLOB PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX forgotten_by_version ON forgotten (version);
CREATE TABLE applied (file TEXT PRIMARY KEY) WITHOUT ROWID
"""

# The tables of results.
RESULTS: Final = (
    *("assignments", "members", "transitions", "forgotten", "applied"),
    *("outcomes", "outcomes_gone"),
)

# Added to files that an earlier flockwise made, too. `outcomes_gone` knows what is no longer kept.
_LATER: Final = """
CREATE TABLE IF NOT EXISTS owner (id TEXT PRIMARY KEY, job TEXT, changelog TEXT, since TEXT);
CREATE TABLE IF NOT EXISTS outcomes (
    kind TEXT, model TEXT, name TEXT, series TEXT, day TEXT, stratum TEXT,
    version INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (kind, model, name, series, day, stratum)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes_gone (
    kind TEXT, model TEXT, name TEXT, series TEXT, day TEXT, stratum TEXT,
    version INTEGER NOT NULL,
    PRIMARY KEY (kind, model, name, series, day, stratum)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outcomes_gone_by_version ON outcomes_gone (version)
"""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the file, made with its folder if there is none.

    Raises:
        StoreError: it can't be made or opened, or holds something else.
    """
    with failures(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        database = _open(path)
        try:
            # A commit must survive a power cut: FULL syncs the log at each one.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten: a forgotten user's id must not stay in the file.
            database.execute("PRAGMA secure_delete = ON")
            with transaction(database):
                if _layout(database) == 0 and not _tables(database):
                    _make(database)
                if _layout(database) == LAYOUT:
                    _execute(database, _LATER)
            return _checked(database, path)
        except BaseException:
            database.close()
            raise


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that is there.

    Raises:
        StoreError: it is not there, can't be opened, or holds something else.
    """
    if not path.is_file():
        raise StoreError(f"there is no store at {path} yet: a job makes it with its first results")
    with failures(path):
        database = _open(path)
        try:
            return _checked(database, path)
        except BaseException:
            database.close()
            raise


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, and nobody else writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into a StoreError that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"the store {path} can't be used: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _layout(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _tables(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _make(database: sqlite3.Connection) -> None:
    _execute(database, _TABLES)
    database.execute(f"PRAGMA user_version = {LAYOUT}")


def _execute(database: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        database.execute(statement)


def _checked(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    found = _layout(database)
    if found != LAYOUT:
        raise StoreError(
            f"{path} is no store of this flockwise (layout {found}, expected {LAYOUT}): "
            "give another path"
        )
    return database
