"""Where events come from: a Kafka topic, or a file staged for the job.

Whatever the source, its SQL table is called `events` and is the first that a job declares:
SQL operators get their ids in the order of declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pyflink.common import WatermarkStrategy
from pyflink.datastream import DataStream
from pyflink.datastream.connectors.file_system import FileSource, StreamFormat
from pyflink.table import Schema, Table

from flink_job.connectors.sql import (
    NULL_BYTES,
    READING,
    READING_WATERMARK,
    interval,
    kafka_source,
    literal,
    time_of_reading,
)
from flink_job.runtime.environment import Environment
from flink_job.staging.lines import LANE_WIDTH, RETURN
from operators.events.markers import ROSTER
from operators.events.names import FieldPath, alternatives


class EventSource(Protocol):
    """A table of raw events."""

    @property
    def batch_ms(self) -> int:
        """How long events of a lane are collected."""

    def declare(self, environment: Environment) -> None:
        """Declare the table `events`."""

    def columns(self) -> str:
        """What to select from it: `lane_of` (the lane is this text's hash), k, v, written, rt."""


@dataclass(frozen=True)
class KafkaEvents:
    """A Kafka topic.

    `start` holds the connector's scan options. With `user_field` there is no key: the user is
    taken out of the value in the JVM. The same source reads the topic of a `roster`, whose records
    are marked; without keys their user is in the field `roster_user`.
    """

    bootstrap: str
    topic: str
    group: str
    start: Mapping[str, str]
    bounded: bool
    batch_ms: int
    user_field: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    roster: str | None = None
    roster_user: str | None = None

    def declare(self, environment: Environment) -> None:
        topics = self.topic if self.roster is None else f"{self.topic};{self.roster}"
        with_ = kafka_source(
            self.bootstrap, topics, self.group, self.start, self.bounded, self.properties
        )
        of_topic = "" if self.roster is None else "\n  topic STRING METADATA VIRTUAL,"
        environment.tables.execute_sql(
            f"""CREATE TEMPORARY TABLE events (
  k BYTES,
  v BYTES,{of_topic}
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',{time_of_reading(self.bounded)}
) WITH ({with_})"""
        )

    def columns(self) -> str:
        if self.user_field is None:
            return f"CAST(k AS STRING) AS lane_of, k, {self._value()}, written, rt"
        user = self._user(self.user_field)
        return f"{user} AS lane_of, ENCODE({user}, 'UTF-8') AS k, {self._value()}, written, rt"

    def _value(self) -> str:
        """The value, behind a marker if it is of the roster."""
        if self.roster is None:
            return "v"
        return f"CASE WHEN {self._of_roster()} THEN {_MARKED} ELSE v END AS v"

    def _of_roster(self) -> str:
        return f"topic = {literal(self.roster or '')}"

    def _user(self, of_events: str) -> str:
        """The user in the value."""
        if self.roster is None or self.roster_user is None:
            return _user_in(of_events)
        people, others = _user_in(self.roster_user), _user_in(of_events)
        if people == others:
            return people
        return f"CASE WHEN {self._of_roster()} THEN {people} ELSE {others} END"


# Flink puts no bytes together, but texts: each byte is the character of its number.
_MARK: Final = ROSTER.decode().replace("\0", "\\0000")
_MARKED: Final = f"ENCODE(U&'{_MARK}' || COALESCE(DECODE(v, 'ISO-8859-1'), ''), 'ISO-8859-1')"


def _user_in(name: str) -> str:
    places = [_json_value(path) for path in _json_paths(name)]
    some = ", ".join(f"NULLIF({place}, '')" for place in places)
    return places[0] if len(places) == 1 else f"COALESCE({some})"


def _json_paths(name: str) -> Iterator[str]:
    """Where a field may stand, as the JSON paths of SQL."""
    for each in alternatives(name):
        yield f"$['{_escaped(each)}']"
        path = FieldPath.of(each)
        if path is not None:
            within = (f"[{x}]" if type(x) is int else f"['{_escaped(str(x))}']" for x in path.steps)
            yield f"$['{_escaped(path.first)}']{''.join(within)}"


def _json_value(path: str) -> str:
    return f"JSON_VALUE(CAST(v AS STRING), {literal(path)} NULL ON EMPTY NULL ON ERROR)"


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")


@dataclass(frozen=True)
class StagedEvents:
    """A file that `flink_job.staging` made: in a line the lane's text, then the raw event.

    Flink's SQL file source would not do: restored for the second time, it begins too early.
    """

    path: Path
    batch_ms: int

    def declare(self, environment: Environment) -> None:
        lines = FileSource.for_record_stream_format(
            StreamFormat.text_line_format(), str(self.path)
        ).build()
        stream = environment.stream.from_source(lines, WatermarkStrategy.no_watermarks(), "events")
        schema = (
            Schema.new_builder()
            .column("f0", "STRING")
            .column_by_expression("rt", READING)
            .watermark("rt", READING_WATERMARK)
            .build()
        )
        environment.tables.create_temporary_view("events", stream.uid("events"), schema)

    def columns(self) -> str:
        raw = f"REPLACE(SUBSTRING(f0, {LANE_WIDTH + 1}), '{RETURN}', U&'\\000D')"
        return (
            f"SUBSTRING(f0, 1, {LANE_WIDTH}) AS lane_of, CAST(NULL AS BYTES) AS k, "
            f"ENCODE({raw}, 'ISO-8859-1') AS v, CAST(NULL AS TIMESTAMP_LTZ(3)) AS written, rt"
        )


@dataclass(frozen=True)
class ControlTopic:
    """The control topic, of one partition, from an offset on."""

    bootstrap: str
    topic: str
    group: str
    offset: int
    properties: Mapping[str, str] = field(default_factory=dict)

    def messages(self, environment: Environment) -> DataStream:
        """Its messages as a stream of rows: (value BYTES)."""
        start = {
            "scan.startup.mode": "specific-offsets",
            "scan.startup.specific-offsets": f"partition:0,offset:{self.offset}",
        }
        with_ = kafka_source(
            self.bootstrap, self.topic, self.group, start, bounded=False, properties=self.properties
        )
        tables = environment.tables
        tables.execute_sql(f"CREATE TEMPORARY TABLE control (k BYTES, v BYTES) WITH ({with_})")
        messages = tables.sql_query(f"SELECT COALESCE(v, {NULL_BYTES}) FROM control")
        return tables.to_data_stream(messages)


def micro_batches(environment: Environment, source: EventSource, lanes: int) -> DataStream:
    """The micro-batches of a source as a stream."""
    return environment.tables.to_data_stream(micro_batch_table(environment, source, lanes))


def micro_batch_table(environment: Environment, source: EventSource, lanes: int) -> Table:
    """Batches of raw events of a lane, collected in the JVM.

    Rows: (lane INT, keys ARRAY<BYTES>, values ARRAY<BYTES>, newest time in Kafka in ms BIGINT).
    A record without a key goes to lane 0.
    """
    source.declare(environment)
    tables = environment.tables
    tables.execute_sql(
        f"""CREATE TEMPORARY VIEW laned AS
SELECT COALESCE(ABS(MOD(HASH_CODE(lane_of), {lanes})), 0) AS lane,
  COALESCE(k, {NULL_BYTES}) AS k, COALESCE(v, {NULL_BYTES}) AS v, written, rt
FROM (SELECT {source.columns()} FROM events)"""
    )
    return tables.sql_query(
        f"""SELECT lane, ARRAY_AGG(k), ARRAY_AGG(v),
  EXTRACT(EPOCH FROM MAX(written)) * 1000 + EXTRACT(MILLISECOND FROM MAX(written))
FROM TABLE(TUMBLE(TABLE laned, DESCRIPTOR(rt), {interval(source.batch_ms)}))
GROUP BY lane, window_start, window_end"""
    )
