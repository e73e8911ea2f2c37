"""What a job has published of outcomes, from its folder or topic: of each key the newest record."""

from __future__ import annotations

from flink_job.kafka_client import client as kafka
from flink_job.plan import Plan
from flink_job.queries.users import raw_records
from flink_job.stores.changelog_view import ChangelogView
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.outcomes import OutcomeRecord


def published_outcomes(plan: Plan) -> list[OutcomeRecord]:
    """The days and cohorts of a plan that are kept now; what is no record is passed over.

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
    told = ChangelogView(tuple, tuple, raw_records(plan, topic))
    found = list(told.outcomes()) if there else []
    if not found:
        raise FlockwiseError(
            "nothing is published of outcomes yet: a job tells of them as users act, and a bounded "
            "run at its end"
        )
    return found
