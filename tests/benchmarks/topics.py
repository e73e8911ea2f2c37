"""Topics of events, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from kafka import KafkaProducer

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.loading.outbox import Outbox
from tests.benchmarks.workloads.workload import Records, Tally

PARTITIONS: Final = 4
_TOLD_EVERY: Final = 250_000
_BATCH_BYTES: Final = 512 * 1024


@dataclass(frozen=True)
class Topic:
    """So many events, and who must be in some segments after them."""

    name: str
    events: int
    tally: Tally


def write(bootstrap: str, name: str, given: Records, say: Callable[[str], None]) -> Topic:
    """Write events into a topic of their own, each to the partition of its user."""
    tally = Tally()
    kafka.make_topic(Broker(bootstrap), name, PARTITIONS)
    return Topic(name, append(bootstrap, name, tally.counted(given), say), tally)


def append(bootstrap: str, name: str, given: Records, say: Callable[[str], None]) -> int:
    """Write events to a topic that is there; their number."""
    # Not compressed: reading would pay for it.
    writer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=_BATCH_BYTES)
    with closing(writer):
        outbox = Outbox(writer, name)
        for key, value in _told(given, name, say):
            outbox.send(key, value)
        outbox.flush()
    return outbox.sent


def _told(
    given: Iterable[tuple[bytes, bytes]], name: str, say: Callable[[str], None]
) -> Iterator[tuple[bytes, bytes]]:
    for number, record in enumerate(given, 1):
        yield record
        if number % _TOLD_EVERY == 0:
            say(f"{number:,} events written for {name}")
