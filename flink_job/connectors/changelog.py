"""The changelog as the `upsert` job reads it: only what was committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from flink_job.connectors.sql import NULL_BYTES, interval, kafka_source, literal, time_of_reading
from operators.contracts.records import ASSIGNMENT, OUTCOME, TRANSITION


@dataclass(frozen=True)
class Changelog:
    """The topics that a store is a view of; `outcomes` is None where nothing is measured."""

    bootstrap: str
    assignments: str
    transitions: str
    group: str
    bounded: bool
    batch_ms: int
    properties: Mapping[str, str] = field(default_factory=dict)
    outcomes: str | None = None


@dataclass(frozen=True)
class _Part:
    """A table of one or more topics, what its records are, and a column by which that is told."""

    name: str
    topics: str
    kind: str
    column: str = ""


def changelog_batches(tables: StreamTableEnvironment, changelog: Changelog) -> DataStream:
    """Batches of records: (kinds ARRAY<BYTES>, values ARRAY<BYTES>, newest in ms BIGINT).

    There is one batch at a time, of all that has come since the last: a store answers a large
    batch almost as fast as a small one, so what waits for a slow store is written together. It
    begins at the oldest record, since a compacted changelog holds all that a store needs.

    Outcomes are read with the transitions: a source of their own would make other ids of what
    comes behind it, and a job that goes on would lose what it has in hand.
    """
    parts = _parts(changelog)
    for part in parts:
        tables.execute_sql(_created(part, changelog))
    union = " UNION ALL ".join(
        f"SELECT {part.kind} AS kind, v, written, rt FROM {part.name}" for part in parts
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


def _parts(changelog: Changelog) -> tuple[_Part, _Part]:
    assignment, transition, outcome = map(_bytes, (ASSIGNMENT, TRANSITION, OUTCOME))
    assignments = _Part("assignments", changelog.assignments, assignment)
    topic, measured = changelog.transitions, changelog.outcomes
    if measured is None:
        return assignments, _Part("transitions", topic, transition)
    kind = f"CASE topic WHEN {literal(measured)} THEN {outcome} ELSE {transition} END"
    column = "\n  topic STRING METADATA VIRTUAL,"
    return assignments, _Part("transitions", f"{topic};{measured}", kind, column)


def _created(part: _Part, changelog: Changelog) -> str:
    with_ = kafka_source(
        changelog.bootstrap,
        part.topics,
        changelog.group,
        {"scan.startup.mode": "earliest-offset"},
        changelog.bounded,
        changelog.properties,
    )
    return f"""CREATE TEMPORARY TABLE {part.name} (
  k BYTES,
  v BYTES,{part.column}
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',{time_of_reading(changelog.bounded)}
) WITH ({with_})"""


def _bytes(kind: bytes) -> str:
    return f"CAST(X'{kind.hex()}' AS BYTES)"
