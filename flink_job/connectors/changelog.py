"""The changelog as the `upsert` job reads it: only what was committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from flink_job.connectors.sql import NULL_BYTES, interval, kafka_source, time_of_reading
from operators.contracts.records import ASSIGNMENT, TRANSITION


@dataclass(frozen=True)
class Changelog:
    """The two topics that a store is a view of."""

    bootstrap: str
    assignments: str
    transitions: str
    group: str
    bounded: bool
    batch_ms: int
    properties: Mapping[str, str] = field(default_factory=dict)


def changelog_batches(tables: StreamTableEnvironment, changelog: Changelog) -> DataStream:
    """Batches of records: (kinds ARRAY<BYTES>, values ARRAY<BYTES>, newest in ms BIGINT).

    There is one batch at a time, of all that has come since the last: a store answers a large
    batch almost as fast as a small one, so what waits for a slow store is written together. It
    begins at the oldest record, since a compacted changelog holds all that a store needs.
    """
    topics = {"assignments": changelog.assignments, "transitions": changelog.transitions}
    kinds = {"assignments": ASSIGNMENT, "transitions": TRANSITION}
    for name, topic in topics.items():
        with_ = kafka_source(
            changelog.bootstrap,
            topic,
            changelog.group,
            {"scan.startup.mode": "earliest-offset"},
            changelog.bounded,
            changelog.properties,
        )
        tables.execute_sql(
            f"""CREATE TEMPORARY TABLE {name} (
  k BYTES,
  v BYTES,
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',{time_of_reading(changelog.bounded)}
) WITH ({with_})"""
        )
    union = " UNION ALL ".join(
        f"SELECT CAST(X'{kind.hex()}' AS BYTES) AS kind, v, written, rt FROM {name}"
        for name, kind in kinds.items()
    )
    tables.execute_sql(
        f"""CREATE TEMPORARY VIEW changelog AS
SELECT kind, COALESCE(v, {NULL_BYTES}) AS v, written, rt FROM ({union})"""
    )
    batches = tables.sql_query(
        f"""SELECT ARRAY_AGG(kind), ARRAY_AGG(v),
  EXTRACT(EPOCH FROM MAX(written)) * 1000 + EXTRACT(MILLISECOND FROM MAX(written))
FROM TABLE(TUMBLE(TABLE changelog, DESCRIPTOR(rt), {interval(changelog.batch_ms)}))
GROUP BY window_start, window_end"""
    )
    return tables.to_data_stream(batches)
