"""Pieces of Flink SQL that sources and sinks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from operators.events.markers import NULL

# ARRAY_AGG passes over nulls; this stands for them in arrays of bytes.
NULL_BYTES: Final = f"X'{NULL.hex()}'"

# Micro-batches are closed by the column `rt`. Live that is the wall clock. At the end of a bounded
# source such batches would be dropped, so there it is the time of reading, whose last watermark
# closes all.
READING: Final = "CAST(CURRENT_ROW_TIMESTAMP() AS TIMESTAMP_LTZ(3))"
READING_WATERMARK: Final = "rt - INTERVAL '1' SECOND"


def time_of_reading(bounded: bool) -> str:
    """The column `rt` of a table that is read."""
    if not bounded:
        return "\n  rt AS PROCTIME()"
    return f"\n  rt AS {READING},\n  WATERMARK FOR rt AS {READING_WATERMARK}"


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
