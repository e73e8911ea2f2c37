"""The topic of leases of a Kafka, which all jobs that write there share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.leases.holders import Holders, LeaseHolder
from operators.base.errors import FlockwiseError, PreflightError, UsageError
from operators.contracts.leases import Lease, LeaseRecord, encode, key, read

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

_POLL_MS: Final = 200
_WITHIN_S: Final = 10.0
_SILENT_S: Final = 30.0


class Registry:
    """The topic, read as far as it goes."""

    def __init__(self, topic: str, reader: KafkaConsumer, writer: KafkaProducer) -> None:
        self.holders = Holders()
        self._topic = topic
        self._reader = reader
        self._writer = writer

    def catch_up(self) -> Holders:
        """Read to the end of now; gives who holds what.

        Raises:
            PreflightError: Kafka does not answer any more.
        """
        give_up_s = time.monotonic() + _SILENT_S
        (partition,) = self._reader.assignment()
        end = self._reader.end_offsets([partition])[partition]
        while (before := self._reader.position(partition)) < end:
            self.listen()
            if self._reader.position(partition) > before:
                give_up_s = time.monotonic() + _SILENT_S
            elif time.monotonic() > give_up_s:
                raise PreflightError(f"Kafka gives no more records of '{self._topic}'")
        return self.holders

    def listen(self) -> None:
        """Read what has come meanwhile, if Kafka answers at once."""
        for records in self._reader.poll(timeout_ms=_POLL_MS).values():
            for record in records:
                self._take(record.value)

    def tell(self, record: LeaseRecord) -> None:
        """Add a record, without waiting for Kafka to take it."""
        self._writer.send(self._topic, value=encode(record), key=key(record))

    def write(self, record: LeaseRecord) -> None:
        """Add a record.

        Raises:
            FlockwiseError: Kafka did not take it.
        """
        sent = self._writer.send(self._topic, value=encode(record), key=key(record))
        self._writer.flush(timeout=_WITHIN_S)
        if not sent.succeeded():
            raise FlockwiseError(f"Kafka did not take a record of '{self._topic}'")

    def forget(self, lease: Lease) -> None:
        """Drop the heartbeats of a lease that holds no more.

        Leases stay: without one that was ended, it would be unknown why later ones hold or not.
        """
        self._writer.send(self._topic, value=None, key=f"beat/{lease.token}".encode())

    def hear(self, holder: LeaseHolder, within_s: float) -> bool:
        """Wait for another heartbeat of a holder; False if there was none."""
        before, give_up_s = holder.beats, time.monotonic() + within_s
        while time.monotonic() < give_up_s:
            self.catch_up()
            if holder.beats > before:
                return not holder.ended
            time.sleep(_POLL_MS / 1_000)
        return False

    def _take(self, raw: bytes | None) -> None:
        with suppress(UsageError):  # what is none of ours decides nothing
            if raw is not None:
                self.holders.take(read(raw))


@contextmanager
def registry(broker: Broker, topic: str) -> Iterator[Registry]:
    """The topic of leases of a broker, which must be there.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
    """
    from kafka import TopicPartition  # noqa: PLC0415 - most commands do without it

    # A heartbeat counts once it is written. What is not yet committed, of a job that has crashed,
    # would hide all that comes after it for minutes.
    with kafka.consumer(broker, committed=False) as reader, kafka.producer(broker) as writer:
        if reader.partitions_for_topic(topic) != {0}:
            raise PreflightError(f"expected topic '{topic}' with one partition: its order decides")
        partition = TopicPartition(topic, 0)
        reader.assign([partition])
        reader.seek_to_beginning(partition)
        found = Registry(topic, reader, writer)
        found.catch_up()
        yield found
