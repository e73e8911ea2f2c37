"""Outcomes in a SQLite file: rows by version, and which are gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from flink_job.stores.outcomes import newest_outcomes, row_of
from operators.contracts.outcomes import OutcomeRecord, outcome_decoder
from operators.contracts.records import encode

_ROW: Final = "kind, model, name, series, day, stratum"
_SAME: Final = "kind = ? AND model = ? AND name = ? AND series = ? AND day = ? AND stratum = ?"


def take(database: sqlite3.Connection, records: Iterable[OutcomeRecord]) -> None:
    """Keep the newest of each row, or let go of it, in the transaction that is open."""
    for record in newest_outcomes(records):
        if record.gone:
            _let_go(database, record)
        else:
            _keep(database, record)


def kept(database: sqlite3.Connection) -> Iterator[OutcomeRecord]:
    """The records; none of a file of before that nobody has written to since."""
    known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'outcomes'"
    if database.execute(known).fetchone():
        rows = database.execute("SELECT record FROM outcomes")
        yield from (outcome_decoder.decode(record) for (record,) in rows)


def _keep(database: sqlite3.Connection, record: OutcomeRecord) -> None:
    row, version = row_of(record), record.version
    database.execute(
        "INSERT INTO outcomes SELECT ?, ?, ?, ?, ?, ?, ?, ? "
        f"WHERE NOT EXISTS (SELECT 1 FROM outcomes_gone WHERE {_SAME} AND version >= ?) "
        f"ON CONFLICT ({_ROW}) DO UPDATE SET version = excluded.version, record = excluded.record "
        "WHERE excluded.version > version",
        (*row, version, encode(record).decode(), *row, version),
    )


def _let_go(database: sqlite3.Connection, record: OutcomeRecord) -> None:
    row, version = row_of(record), record.version
    database.execute(f"DELETE FROM outcomes WHERE {_SAME} AND version <= ?", (*row, version))
    database.execute(
        "INSERT INTO outcomes_gone VALUES (?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT ({_ROW}) DO UPDATE SET version = excluded.version "
        "WHERE excluded.version > version",
        (*row, version),
    )
