"""Where records go: Kafka topics, written exactly once, or folders of committed files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pyflink.common import Encoder
from pyflink.datastream import DataStream
from pyflink.datastream.connectors.file_system import BucketAssigner, FileSink, RollingPolicy
from pyflink.java_gateway import get_gateway
from pyflink.table import DataTypes, StreamTableEnvironment, Table
from pyflink.table.expressions import col

from flink_job.connectors.sql import NULL_BYTES, options
from operators.contracts.packing import LENGTH_DIGITS

# Above the longest outage plus a checkpoint, and below the broker's transaction.max.timeout.ms
# (15 minutes unless set otherwise).
_TRANSACTION_TIMEOUT_MS: Final = 14 * 60 * 1000
_LARGEST_RECORD: Final = 64 * 1024 * 1024  # a dead letter keeps what it was made of

# A file is closed after a second, and committed with the next checkpoint.
_FILE_MS: Final = 1_000
_FILE_BYTES: Final = 128 * 1024 * 1024


class Sink(Protocol):
    """Takes (topic, key, value) records."""

    def write(self, tables: StreamTableEnvironment, records: Table) -> None:
        """Add the writing of these records to the job."""


@dataclass(frozen=True)
class KafkaSink:
    """All topics in one transaction a checkpoint, so that they are committed together."""

    bootstrap: str
    topics: Sequence[str]
    transactional_prefix: str
    properties: Mapping[str, str] = field(default_factory=dict)

    def write(self, tables: StreamTableEnvironment, records: Table) -> None:
        with_ = options(
            {
                "connector": "kafka",
                "topic": ";".join(self.topics),
                "properties.bootstrap.servers": self.bootstrap,
                "properties.transaction.timeout.ms": str(_TRANSACTION_TIMEOUT_MS),
                "properties.max.request.size": str(_LARGEST_RECORD),
                "properties.buffer.memory": str(2 * _LARGEST_RECORD),
                "properties.linger.ms": "5",
                "key.format": "raw",
                "key.fields": "key",
                "value.format": "raw",
                "value.fields-include": "EXCEPT_KEY",
                "sink.delivery-guarantee": "exactly-once",
                "sink.transactional-id-prefix": self.transactional_prefix,
                # Few ids, used again and again: all of a start that must be shut out are known.
                "sink.transaction-naming-strategy": "pooling",
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
    """A folder a topic, of JSON-lines files that are committed with the checkpoints.

    A record without a value, a tombstone, has no line.

    Flink's SQL file sink would not do: it commits its last files before the last checkpoint,
    and a crash in between would bring their records again.
    """

    folder: Path
    topics: Sequence[str]

    def write(self, tables: StreamTableEnvironment, records: Table) -> None:
        for topic in self.topics:
            wanted = (col("topic") == topic) & col("value").is_not_null
            lines = records.where(wanted).select(col("value").cast(DataTypes.STRING()))
            _texts(tables, lines).sink_to(self._files(topic)).uid(f"folder-{topic}").name(topic)

    def _files(self, topic: str) -> FileSink:
        rolling = RollingPolicy.default_rolling_policy(
            part_size=_FILE_BYTES, rollover_interval=_FILE_MS, inactivity_interval=_FILE_MS
        )
        return (
            FileSink.for_row_format((self.folder / topic).as_uri(), Encoder.simple_string_encoder())
            .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
            .with_rolling_policy(rolling)
            .with_bucket_check_interval(_FILE_MS)
            .build()
        )


def _texts(tables: StreamTableEnvironment, lines: Table) -> DataStream:
    """A table of one column of texts as a stream of texts, not of rows."""
    text = get_gateway().jvm.org.apache.flink.table.api.DataTypes.STRING()
    return DataStream(tables._j_tenv.toDataStream(lines._j_table, text))


def unpacked(tables: StreamTableEnvironment, packed: DataStream) -> Table:
    """The (topic, key, value) records of rows as Assign packs them."""
    tables.create_temporary_view("packed", packed)
    behind_length, null = LENGTH_DIGITS + 1, f"CAST({NULL_BYTES} AS STRING)"
    return tables.sql_query(
        f"""SELECT topic,
  CAST(SUBSTRING(record, {behind_length}, key_length) AS BYTES) AS `key`,
  CAST(NULLIF(SUBSTRING(record, {behind_length} + key_length), {null}) AS BYTES) AS `value`
FROM (
  SELECT topic, record, CAST(SUBSTRING(record, 1, {LENGTH_DIGITS}) AS INT) AS key_length
  FROM (
    SELECT topic, CAST(line AS STRING) AS record
    FROM packed CROSS JOIN UNNEST(records) AS unnested (line)
  )
)"""
    )


def discard(tables: StreamTableEnvironment, records: DataStream) -> None:
    """Add an end to a stream whose last operator has done all there is to do."""
    tables.create_temporary_view("done", records)
    tables.execute_sql(
        "CREATE TEMPORARY TABLE nowhere (line STRING) WITH ('connector' = 'blackhole')"
    )
    statements = tables.create_statement_set()
    statements.add_insert_sql("INSERT INTO nowhere SELECT * FROM done")
    statements.attach_as_datastream()
