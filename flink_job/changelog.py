"""The changelog as the `upsert` job reads it: only what was committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from flink_job.sql import NULL_BYTES, interval, kafka_source, literal, time_of_reading


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
    """Batches: (assignments ARRAY<BYTES>, transitions ARRAY<BYTES>, newest in ms BIGINT).

    There is one batch at a time, of all that has come since the last: a store answers a large
    batch almost as fast as a small one, so what waits for a slow store is written together. It
    begins at the oldest record, since a compacted changelog holds all that a store needs.
    """
    topics = {"assignments": changelog.assignments, "transitions": changelog.transitions}
    for kind, topic in topics.items():
        with_ = kafka_source(
            changelog.bootstrap,
            topic,
            changelog.group,
            {"scan.startup.mode": "earliest-offset"},
            changelog.bounded,
            changelog.properties,
        )
        tables.execute_sql(
            f"""CREATE TEMPORARY TABLE {kind} (
  k BYTES,
  v BYTES,
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',{time_of_reading(changelog.bounded)}
) WITH ({with_})"""
        )
    union = " UNION ALL ".join(
        f"SELECT {literal(kind)} AS kind, v, written, rt FROM {kind}" for kind in topics
    )
    tables.execute_sql(
        f"""CREATE TEMPORARY VIEW changelog AS
SELECT kind, COALESCE(v, {NULL_BYTES}) AS v, written, rt FROM ({union})"""
    )
    arrays = ", ".join(f"ARRAY_AGG(v) FILTER (WHERE kind = {literal(kind)})" for kind in topics)
    batches = tables.sql_query(
        f"""SELECT {arrays},
  EXTRACT(EPOCH FROM MAX(written)) * 1000 + EXTRACT(MILLISECOND FROM MAX(written))
FROM TABLE(TUMBLE(TABLE changelog, DESCRIPTOR(rt), {interval(changelog.batch_ms)}))
GROUP BY window_start, window_end"""
    )
    return tables.to_data_stream(batches)
