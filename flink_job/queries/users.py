"""Who answers questions about users and what they are in: the store, or else the changelog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

from flink_job.plan import Plan
from flink_job.stores.base import StoreReader
from flink_job.stores.changelog_view import (
    ChangelogView,
    RawRecord,
    RawRecords,
    folder_records,
    kafka_records,
)


@contextmanager
def view(
    plan: Plan, heard: Callable[[Iterable[RawRecord]], Iterable[RawRecord]]
) -> Iterator[StoreReader]:
    """Who answers for a plan; `heard` sees each record of a changelog that has to be read.

    Raises:
        UsageError: an environment variable is not set.
    """
    open_store = plan.store()
    answering: StoreReader = _changelog(plan, heard) if open_store is None else open_store()
    with closing(answering):
        yield answering


def _changelog(
    plan: Plan, heard: Callable[[Iterable[RawRecord]], Iterable[RawRecord]]
) -> ChangelogView:
    topics = plan.kafka.topics()
    assignments, transitions, outcomes = (
        raw_records(plan, topics.assignments),
        raw_records(plan, topics.transitions),
        tuple if topics.outcomes is None else raw_records(plan, topics.outcomes),
    )
    return ChangelogView(
        lambda: heard(assignments()), lambda: heard(transitions()), lambda: heard(outcomes())
    )


def raw_records(plan: Plan, topic: str) -> RawRecords:
    """The committed records of one of a plan's topics, from Kafka or its folder."""
    broker, folder = plan.kafka.output_broker(), plan.paths.output_folder()
    if broker is not None:
        return lambda: kafka_records(broker, topic)
    assert folder is not None  # a configuration has one of the two
    return lambda: folder_records(folder, topic)
