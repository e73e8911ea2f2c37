"""Going on from a state: it must be the newest, or what came after it would be put out again."""

from __future__ import annotations

from typing import Final

from flink_job.kafka_client import reading
from flink_job.plan import Plan
from operators.base.errors import UsageError
from operators.base.moments import iso_at

# Kafka's records and files have their times from different clocks.
_CLOCKS_DIFFER_US: Final = 5_000_000


def check_newest(plan: Plan, state: str, complete_us: int) -> None:
    """Make sure that nothing was committed after a state, which was complete at a moment.

    Raises:
        UsageError: something was.
        PreflightError: Kafka does not answer.
    """
    broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
    if broker is None:
        return
    known = [topics.assignments, topics.transitions]
    later_ms = reading.newest_since(broker, known, (complete_us + _CLOCKS_DIFFER_US) // 1_000)
    if later_ms is not None:
        raise UsageError(
            f"{state} is of {iso_at(complete_us)}, and '{plan.config.name}' has gone on until "
            f"{iso_at(later_ms * 1_000)}: what came between would be put out again; go on from "
            "the newest state (--resume), or begin anew with --fresh"
        )
