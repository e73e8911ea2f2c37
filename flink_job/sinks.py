"""Where records go: Kafka topics, written exactly once, or folders of committed files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from flink_job.sql import literal, options

# Above the longest outage plus a checkpoint, and below the broker's transaction.max.timeout.ms
# (15 minutes unless set otherwise).
_TRANSACTION_TIMEOUT_MS: Final = 14 * 60 * 1000
_LARGEST_RECORD: Final = 64 * 1024 * 1024  # a dead letter keeps what it was made of


class Sink(Protocol):
    """Takes (topic, key, value) records."""

    def write(self, tables: StreamTableEnvironment, records: DataStream) -> None:
        """Add the writing of these records to the job."""


@dataclass(frozen=True)
class KafkaSink:
    """All topics in one transaction a checkpoint, so that they are committed together."""

    bootstrap: str
    topics: Sequence[str]
    transactional_prefix: str
    properties: Mapping[str, str] = field(default_factory=dict)

    def write(self, tables: StreamTableEnvironment, records: DataStream) -> None:
        with_ = options(
            {
                "connector": "kafka",
                "topic": ";".join(self.topics),
                "properties.bootstrap.servers": self.bootstrap,
                "properties.transaction.timeout.ms": str(_TRANSACTION_TIMEOUT_MS),
                "properties.max.request.size": str(_LARGEST_RECORD),
                "properties.linger.ms": "5",
                "key.format": "raw",
                "key.fields": "key",
                "value.format": "raw",
                "value.fields-include": "EXCEPT_KEY",
                "sink.delivery-guarantee": "exactly-once",
                "sink.transactional-id-prefix": self.transactional_prefix,
                **{f"properties.{name}": value for name, value in self.properties.items()},
            }
        )
        tables.create_temporary_view("records", records)
        tables.execute_sql(
            "CREATE TEMPORARY TABLE outputs (topic STRING METADATA, `key` BYTES, `value` BYTES) "
            f"WITH ({with_})"
        )
        statements = tables.create_statement_set()
        statements.add_insert_sql("INSERT INTO outputs SELECT topic, `key`, `value` FROM records")
        statements.attach_as_datastream()


@dataclass(frozen=True)
class FolderSink:
    """A folder a topic, of JSON-lines files that are committed with the checkpoints."""

    folder: Path
    topics: Sequence[str]

    def write(self, tables: StreamTableEnvironment, records: DataStream) -> None:
        tables.create_temporary_view("records", records)
        statements = tables.create_statement_set()
        for number, topic in enumerate(self.topics):
            with_ = options(
                {
                    "connector": "filesystem",
                    "path": (self.folder / topic).as_uri(),
                    "format": "raw",
                    "sink.rolling-policy.rollover-interval": "1 s",
                    "sink.rolling-policy.check-interval": "1 s",
                }
            )
            tables.execute_sql(
                f"CREATE TEMPORARY TABLE outputs_{number} (line STRING) WITH ({with_})"
            )
            statements.add_insert_sql(
                f"INSERT INTO outputs_{number} SELECT CAST(`value` AS STRING) FROM records "
                f"WHERE topic = {literal(topic)}"
            )
        statements.attach_as_datastream()


def discard(tables: StreamTableEnvironment, records: DataStream) -> None:
    """Add an end to a stream whose last operator has done all there is to do."""
    tables.create_temporary_view("done", records)
    tables.execute_sql(
        "CREATE TEMPORARY TABLE nowhere (line STRING) WITH ('connector' = 'blackhole')"
    )
    statements = tables.create_statement_set()
    statements.add_insert_sql("INSERT INTO nowhere SELECT * FROM done")
    statements.attach_as_datastream()
