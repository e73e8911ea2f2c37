"""Shutting the producers of other starts of a job out of Kafka: nothing of theirs is committed.

Each start names its transactions by its lease, so that two never stand in each other's way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.transactions import Transactions
from flink_job.plan import Plan
from operators.contracts.leases import Lease

_OPEN: Final = "Ongoing"
_DONE: Final = ("Empty", "CompleteCommit", "CompleteAbort")  # others are just being ended by Kafka
_AT_ONCE: Final = 8


def shut_out_others(plan: Plan, lease: Lease, *, but_open: bool = False) -> None:
    """Shut out all producers of a job but those of its lease, and abort what they have open.

    `but_open` leaves those alone that have a transaction open: it may belong to the checkpoint
    that the job is about to go on from, and is committed then.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
        FlockwiseError: it did not end a transaction.
    """
    own = plan.kafka.transactional_prefix(lease)
    _shut_out(plan, lambda prefix: prefix != own, _DONE if but_open else (*_DONE, _OPEN))


def shut_out_own(plan: Plan, lease: Lease) -> None:
    """Shut out the producers of a lease that another start has ended.

    What they left open would hold up readers of what is committed until Kafka's time for it ends.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
        FlockwiseError: it did not end a transaction.
    """
    own = plan.kafka.transactional_prefix(lease)
    _shut_out(plan, lambda prefix: prefix == own, (*_DONE, _OPEN))


def _shut_out(plan: Plan, wanted: Callable[[str], bool], states: tuple[str, ...]) -> None:
    broker = plan.kafka.output_broker()
    if broker is None:
        return
    job = re.escape(plan.kafka.transactional_prefix(None))
    ids = re.compile(rf"({job}(?:@\d+)?)-\d+-\d+")
    with kafka.admin(broker) as admin:
        listed = admin.list_transactions(state_filters=list(states))
    names = [each.transactional_id for found in listed.values() for each in found]
    theirs = [name for name in names if (found := ids.fullmatch(name)) and wanted(found[1])]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda name: _begin_as(broker, name), theirs))


def _begin_as(broker: Broker, name: str) -> None:
    """Begin as a producer with an id: whoever had it is shut out."""
    with kafka.producer(broker, transactional_id=name) as writer:
        Transactions(writer, name)
