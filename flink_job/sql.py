"""Pieces of Flink SQL that sources and sinks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from operators.events.decode import NULL

# ARRAY_AGG passes over nulls; this stands for them in arrays of bytes.
NULL_BYTES: Final = f"X'{NULL.hex()}'"

# By whether the source is bounded: the column `rt` by which micro-batches are closed. Live they
# close by the wall clock. At the end of a bounded source such batches would be dropped, so
# there they close by watermarks over the time of reading, the last of which closes all.
TIME_OF_READING: Final = {
    False: """
  rt AS PROCTIME()""",
    True: """
  rt AS CAST(CURRENT_ROW_TIMESTAMP() AS TIMESTAMP_LTZ(3)),
  WATERMARK FOR rt AS rt - INTERVAL '1' SECOND""",
}


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def interval(length_ms: int) -> str:
    """A length of time as a SQL literal."""
    return f"INTERVAL '{length_ms / 1000:.3f}' SECOND(4, 3)"


def options(values: Mapping[str, str]) -> str:
    """The options of a table's WITH clause."""
    return ", ".join(f"{literal(name)} = {literal(value)}" for name, value in values.items())


def kafka_source(
    bootstrap: str,
    topic: str,
    group: str,
    start: Mapping[str, str],
    bounded: bool,
    properties: Mapping[str, str],
) -> str:
    """The options of a Kafka topic that is read as raw keys `k` and values, committed only."""
    return options(
        {
            "connector": "kafka",
            "topic": topic,
            "properties.bootstrap.servers": bootstrap,
            "properties.group.id": group,
            "properties.isolation.level": "read_committed",
            **start,
            **({"scan.bounded.mode": "latest-offset"} if bounded else {}),
            "key.format": "raw",
            "key.fields": "k",
            "value.format": "raw",
            "value.fields-include": "EXCEPT_KEY",
            **{f"properties.{name}": value for name, value in properties.items()},
        }
    )
