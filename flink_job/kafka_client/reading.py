"""Reading the committed records of topics, to the end that they have now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from flink_job.kafka_client import client
from flink_job.kafka_client.broker import Broker
from operators.base.errors import PreflightError

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition
    from kafka.consumer.fetcher import ConsumerRecord

_POLL_MS: Final = 50  # where only ends of transactions are left, no records come to be waited for
_SILENT_S: Final = 30.0


def holds_records(broker: Broker, name: str) -> bool:
    """Whether a topic has anything in it; one that is not there has nothing.

    Raises:
        PreflightError: Kafka does not answer.
    """
    from kafka import TopicPartition  # noqa: PLC0415 - most commands do without it

    with client.consumer(broker) as reader:
        partitions = [
            TopicPartition(name, partition) for partition in reader.partitions_for_topic(name) or ()
        ]
        begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
        return any(begins[partition] < ends[partition] for partition in partitions)


def newest_since(broker: Broker, names: Sequence[str], since_ms: int) -> int | None:
    """When the newest committed record of topics was written, if later than a moment (ms); or None.

    Raises:
        PreflightError: Kafka does not answer, or no longer, or a topic is not there.
    """
    with client.consumer(broker) as reader:
        ends = ends_of(reader, broker, names)
        found = reader.offsets_for_times(dict.fromkeys(ends, since_ms + 1))
        later = {at: ends[at] for at, place in found.items() if place is not None}
        reader.assign(list(later))
        for at in later:
            reader.seek(at, found[at].offset)  # it may be the end of a transaction, which is none
        times = [record.timestamp for record in read_up_to(reader, broker, later)] if later else []
    return max((time_ms for time_ms in times if time_ms > since_ms), default=None)


def read_to_end(
    broker: Broker, names: Sequence[str], newest: int | None = None
) -> Iterator[ConsumerRecord]:
    """Every committed record that these topics hold now, oldest first in each partition.

    With `newest` those of so many offsets at the end of each, some of which hold no records.

    Raises:
        PreflightError: Kafka does not answer, or no longer, or a topic is not there.
    """
    with topic_reader(broker, names, newest) as reader:
        yield from reader.read_on()


@contextmanager
def topic_reader(
    broker: Broker, names: Sequence[str], newest: int | None = None
) -> Iterator[TopicReader]:
    """A reader of topics from their beginning on, or of so many `newest` offsets of each.

    Raises:
        PreflightError: Kafka does not answer, or a topic is not there.
    """
    with client.consumer(broker) as reader:
        partitions = list(ends_of(reader, broker, names))
        reader.assign(partitions)
        _begin(reader, partitions, newest)
        yield TopicReader(broker, reader, partitions)


class TopicReader:
    """Reads topics to their end and, when it is asked again, on from there."""

    def __init__(
        self, broker: Broker, reader: KafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._partitions = partitions

    def is_at_the_beginning(self) -> bool:
        """Whether the next record of each partition is the oldest that it has."""
        begins = self._reader.beginning_offsets(self._partitions)
        return all(self._reader.position(each) == begin for each, begin in begins.items())

    def has_lost_records(self, name: str) -> bool:
        """Whether records of a topic are gone that once stood before its oldest."""
        own = [each for each in self._partitions if each.topic == name]
        return any(self._reader.beginning_offsets(own).values())

    def read_on(self) -> Iterator[ConsumerRecord]:
        """The committed records that the topics hold now and that were not read yet.

        Raises:
            PreflightError: Kafka does not answer any more.
        """
        ends = self._reader.end_offsets(self._partitions)
        yield from read_up_to(self._reader, self._broker, ends)


def read_newest(broker: Broker, name: str, most: int) -> tuple[list[ConsumerRecord], bool]:
    """The committed records of a topic's last offsets, and whether these are all that it holds.

    Of each partition so many offsets are looked at.

    Raises:
        PreflightError: Kafka does not answer, or no longer, or the topic is not there.
    """
    with topic_reader(broker, [name], most) as reader:
        whole = reader.is_at_the_beginning()
        return list(reader.read_on()), whole


def ends_of(
    reader: KafkaConsumer, broker: Broker, names: Sequence[str]
) -> dict[TopicPartition, int]:
    """The offset behind the last committed record of each partition of topics.

    Raises:
        PreflightError: a topic is not there.
    """
    from kafka import TopicPartition  # noqa: PLC0415 - most commands do without it

    partitions = [
        TopicPartition(name, partition)
        for name in names
        for partition in sorted(reader.partitions_for_topic(name) or ())
    ]
    if len({partition.topic for partition in partitions}) < len(set(names)):
        raise PreflightError(f"Kafka at {broker.bootstrap} has no topic {' or '.join(names)}")
    return dict(reader.end_offsets(partitions))


def read_up_to(
    reader: KafkaConsumer, broker: Broker, ends: Mapping[TopicPartition, int]
) -> Iterator[ConsumerRecord]:
    """The records from where a reader is up to these offsets.

    Raises:
        PreflightError: no more come.
    """
    left, moved_s = _left(reader, ends), time.monotonic()
    while left:
        for records in reader.poll(timeout_ms=_POLL_MS).values():
            yield from records
        before, left = left, _left(reader, ends)
        if left != before:
            moved_s = time.monotonic()
        elif time.monotonic() - moved_s > _SILENT_S:
            raise PreflightError(
                f"Kafka at {broker.bootstrap} gave no more records for {_SILENT_S:.0f} s"
            )


def _begin(reader: KafkaConsumer, partitions: Sequence[TopicPartition], newest: int | None) -> None:
    if newest is None:
        reader.seek_to_beginning(*partitions)
        return
    begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
    for partition in partitions:
        reader.seek(partition, max(ends[partition] - newest, begins[partition]))


def _left(reader: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    """How many offsets are left to read; some of them hold no records."""
    return sum(max(end - reader.position(partition), 0) for partition, end in ends.items())
