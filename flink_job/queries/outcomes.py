"""What a job has published of outcomes, from its folder or topic: of each key the newest record."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from flink_job.kafka_client import client as kafka
from flink_job.plan import Plan
from flink_job.queries.users import raw_records
from flink_job.stores.changelog_view import RawRecord
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.outcomes import DayOutcomes, OutcomeRecord, outcome_decoder


def published_outcomes(plan: Plan) -> list[OutcomeRecord]:
    """The days and cohorts of a plan that there are now.

    Raises:
        UsageError: the configuration measures nothing.
        FlockwiseError: nothing was published yet.
        PreflightError: Kafka or the folder can't be read.
    """
    broker, topic = plan.kafka.output_broker(), plan.kafka.topics().outcomes
    if topic is None:
        raise UsageError(
            "outcomes: this configuration measures none, such as "
            "purchase: {event: purchase, value: price}"
        )
    there = broker is None or topic in kafka.topics(broker)
    found = newest_outcomes(raw_records(plan, topic)()) if there else []
    if not found:
        raise FlockwiseError(
            "nothing is published of outcomes yet: a job tells of them as users act, and a bounded "
            "run at its end"
        )
    return found


def newest_outcomes(said: Iterable[RawRecord]) -> list[OutcomeRecord]:
    """The newest record of each key; none of what was let go, by a record without a value."""
    found: dict[bytes, OutcomeRecord] = {}
    for key, value in said:
        if value is None:
            found.pop(key or b"", None)
            continue
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # of what is none of ours
            record = outcome_decoder.decode(value)
            own = key or _key(record)
            if own not in found or record.version >= found[own].version:
                found[own] = record
    return list(found.values())


def _key(record: OutcomeRecord) -> bytes:
    """What stands for the key where there is none, in a folder."""
    own = (record.name, record.series)
    if isinstance(record, DayOutcomes):
        return msgspec.json.encode(("day", record.model, *own, record.day))
    return msgspec.json.encode(("cohort", *own, record.cohort, record.stratum))
