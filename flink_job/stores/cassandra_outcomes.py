"""Outcomes in Cassandra, used by those alone who measure: keyspaces of before lack the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cassandra.cluster import Session
from cassandra.query import PreparedStatement

from flink_job.stores.cassandra_batches import Bound
from flink_job.stores.cassandra_statements import PAGE
from flink_job.stores.outcomes import newest_outcomes, row_of
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import encode

TABLE: Final = "outcomes"

_Partition = tuple[str, str, str]


class OutcomeStatements:
    """What is read and written, prepared once a session; all of it may run twice."""

    def __init__(self, session: Session) -> None:
        def prepared(query: str) -> PreparedStatement:
            statement = session.prepare(query)
            statement.is_idempotent = True
            return statement

        self.records = prepared("SELECT record FROM outcomes")
        self.records.fetch_size = PAGE
        self._insert = prepared(
            "INSERT INTO outcomes (kind, model, name, series, day, stratum, version, record) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self._delete = prepared(
            "DELETE FROM outcomes USING TIMESTAMP ? WHERE kind = ? AND model = ? AND name = ? "
            "AND series = ? AND day = ? AND stratum = ?"
        )

    def writes(self, records: Iterable[OutcomeRecord]) -> Iterator[tuple[_Partition, Bound]]:
        """Keep the newest of each row, or let go of it; each with its partition."""
        for record in newest_outcomes(records):
            row, version = row_of(record), record.version
            if record.gone:
                bound: Bound = (self._delete, (version, *row))
            else:
                bound = (self._insert, (*row, version, encode(record).decode(), version))
            yield (row.kind, row.model, row.name), bound


def has_outcomes(session: Session) -> bool:
    """Whether the keyspace of a session has the table."""
    found = session.cluster.metadata.keyspaces.get(session.keyspace)
    return found is not None and TABLE in found.tables
