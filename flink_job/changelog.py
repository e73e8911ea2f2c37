"""The changelog as the `upsert` job reads it: only what was committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from flink_job.sql import NULL_BYTES, interval, kafka_source, literal, time_of_reading
from operators.upsert import ASSIGNMENTS, TRANSITIONS

_PARTS: Final = 8  # batches side by side: more would only make them smaller


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
    """Batches of records: (part INT, kind STRING, values ARRAY<BYTES>, newest in ms BIGINT).

    It begins at the oldest record, since a compacted changelog holds all that a store needs.
    """
    topics = {ASSIGNMENTS: changelog.assignments, TRANSITIONS: changelog.transitions}
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
        f"SELECT {literal(kind)} AS kind, k, v, written, rt FROM {kind}" for kind in topics
    )
    tables.execute_sql(
        f"""CREATE TEMPORARY VIEW parted AS
SELECT COALESCE(ABS(MOD(HASH_CODE(CAST(k AS STRING)), {_PARTS})), 0) AS part, kind,
  COALESCE(v, {NULL_BYTES}) AS v, written, rt
FROM ({union})"""
    )
    batches = tables.sql_query(
        f"""SELECT part, kind, ARRAY_AGG(v),
  EXTRACT(EPOCH FROM MAX(written)) * 1000 + EXTRACT(MILLISECOND FROM MAX(written))
FROM TABLE(TUMBLE(TABLE parted, DESCRIPTOR(rt), {interval(changelog.batch_ms)}))
GROUP BY part, kind, window_start, window_end"""
    )
    return tables.to_data_stream(batches)
