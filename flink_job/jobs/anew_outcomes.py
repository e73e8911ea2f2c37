"""What an earlier start has told of outcomes in Kafka comes to its end when a job begins anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from operators.base.moments import now_us
from operators.contracts.outcomes import (
    CohortOutcomes,
    DayOutcomes,
    OutcomeRecord,
    outcome_decoder,
)
from operators.contracts.records import encode


def last_records(broker: Broker, topic: str) -> list[tuple[bytes, bytes | None]]:
    """A record that says so, and a tombstone, of each day and cohort that a topic has.

    Raises:
        PreflightError: Kafka does not answer.
    """
    newest: dict[bytes, OutcomeRecord | None] = {}
    for record in reading.read_to_end(broker, [topic]):
        try:
            found = None if record.value is None else outcome_decoder.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # it is none of ours
        newest[record.key or b""] = found
    return list(_ended(newest.items()))


def _ended(
    newest: Iterable[tuple[bytes, OutcomeRecord | None]],
) -> Iterator[tuple[bytes, bytes | None]]:
    for key, record in newest:
        if record is not None and not record.gone:
            yield key, encode(_last(record, max(now_us(), record.version + 1)))
            yield key, None


def _last(record: OutcomeRecord, version: int) -> OutcomeRecord:
    if isinstance(record, DayOutcomes):
        own = (record.name, record.series, record.day, record.model)
        return DayOutcomes(*own, version, gone=True)
    cohort = (record.name, record.series, record.cohort, record.stratum)
    return CohortOutcomes(*cohort, version, gone=True)
