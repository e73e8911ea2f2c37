"""Kafka beside Flink: whether it is there, its topics, reading to the end, and producing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from flink_job.kafka_client.broker import Broker
from operators.base.errors import PreflightError

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import KafkaAdminClient
    from kafka.consumer.fetcher import ConsumerRecord
    from kafka.errors import KafkaError

_WITHIN_MS: Final = 6_000
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
_FETCH_BYTES: Final = 8 * 1024 * 1024
_POLL_RECORDS: Final = 10_000
_POLL_MS: Final = 50  # where only ends of transactions are left, no records come to be waited for
_SILENT_S: Final = 30.0
# Large batches, compressed, cost half the time: kafka-python's checksum is made byte by byte.
_BATCH_BYTES: Final = 256 * 1024
_RECONNECT_WITHIN_MS: Final = 1_000  # once it is back, whoever waited must soon be heard
_REQUEST_WITHIN_MS: Final = 10_000
_DELIVERY_WITHIN_MS: Final = 30_000


def _library() -> ModuleType:
    """The client's library, at its first use: most commands do without it."""
    from flink_job.kafka_client import library  # noqa: PLC0415

    return library


@contextmanager
def admin(broker: Broker, within_ms: int = _WITHIN_MS) -> Iterator[KafkaAdminClient]:
    """An administrator's client, whose requests are answered within a time or fail.

    Raises:
        PreflightError: Kafka does not answer within seconds, or refuses.
    """
    client, library = None, _library()
    try:
        client = library.KafkaAdminClient(
            **broker.python_options(),
            bootstrap_timeout_ms=within_ms,
            request_timeout_ms=within_ms,
        )
        yield client
    except library.KafkaError as error:
        raise _unusable(broker, error) from error
    finally:
        if client is not None:
            client.close()


def topics(broker: Broker) -> set[str]:
    """The names of all topics.

    Raises:
        PreflightError: Kafka does not answer.
    """
    with admin(broker) as client:
        return set(client.list_topics())


def cluster_id(broker: Broker) -> str:
    """The id that a Kafka has given itself.

    Raises:
        PreflightError: Kafka does not answer.
    """
    with admin(broker) as client:
        return str(client.describe_cluster()["cluster_id"])


def make_topic(
    broker: Broker, name: str, partitions: int, configs: Mapping[str, str] | None = None
) -> None:
    """Make a topic if it is not there; one that is stays as it is.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
    """
    make_missing_topics(broker, {name: (partitions, configs or {})})


def make_missing_topics(
    broker: Broker, wanted: Mapping[str, tuple[int, Mapping[str, str]]]
) -> None:
    """Make those topics, of so many partitions and with these settings, that are not there.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
    """
    with admin(broker) as client:
        known = client.list_topics()
        for name, (partitions, configs) in wanted.items():
            if name not in known:
                settings = {"num_partitions": partitions, "configs": dict(configs)}
                with suppress(_library().TopicAlreadyExistsError):  # somebody else was faster
                    client.create_topics({name: settings}, wait_for_metadata=True)


def largest_message(broker: Broker, topic: str) -> int:
    """How many bytes a message of a topic may have.

    Raises:
        PreflightError: Kafka does not answer, or the topic is not there.
    """
    library = _library()
    resource = library.ConfigResource(library.ConfigResourceType.TOPIC, topic)
    with admin(broker) as client:
        found = client.describe_configs([resource], config_filter="all")["topic"][topic]
    if "max.message.bytes" not in found:
        raise PreflightError(f"Kafka at {broker.bootstrap} has no topic '{topic}'")
    return int(found["max.message.bytes"]["value"])


def holds_records(broker: Broker, name: str) -> bool:
    """Whether a topic has anything in it; one that is not there has nothing.

    Raises:
        PreflightError: Kafka does not answer.
    """
    topic_partition = _library().TopicPartition
    with consumer(broker) as reader:
        partitions = [
            topic_partition(name, partition)
            for partition in reader.partitions_for_topic(name) or ()
        ]
        begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
        return any(begins[partition] < ends[partition] for partition in partitions)


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
    with consumer(broker) as reader:
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
    topic_partition = _library().TopicPartition
    partitions = [
        topic_partition(name, partition)
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


@contextmanager
def consumer(broker: Broker, *, committed: bool = True, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer of what is committed, or of all that was written.

    Raises:
        PreflightError: Kafka does not answer, or refuses.
    """
    reader, library = None, _library()
    try:
        reader = library.KafkaConsumer(
            **broker.python_options(),
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            max_poll_records=_POLL_RECORDS,
            reconnect_backoff_max_ms=_RECONNECT_WITHIN_MS,
            bootstrap_timeout_ms=_WITHIN_MS,
            **options,
        )
        yield reader
    except library.KafkaError as error:
        raise _unusable(broker, error) from error
    finally:
        if reader is not None:
            reader.close()


@contextmanager
def producer(broker: Broker, **options: Any) -> Iterator[KafkaProducer]:
    """A producer of records that are stored once each, in order, on all replicas in sync.

    Raises:
        PreflightError: Kafka does not answer, or refuses.
    """
    writer, library = None, _library()
    try:
        writer = library.KafkaProducer(
            **broker.python_options(),
            acks="all",
            enable_idempotence=True,
            compression_type="gzip",
            batch_size=_BATCH_BYTES,
            request_timeout_ms=_REQUEST_WITHIN_MS,
            delivery_timeout_ms=_DELIVERY_WITHIN_MS,
            max_block_ms=_REQUEST_WITHIN_MS,
            reconnect_backoff_max_ms=_RECONNECT_WITHIN_MS,
            bootstrap_timeout_ms=_WITHIN_MS,
            **options,
        )
        yield writer
    except library.KafkaError as error:
        raise _unusable(broker, error) from error
    finally:
        if writer is not None:
            _close(writer)


def _close(writer: KafkaProducer) -> None:
    try:
        writer.close(timeout=1)
    except _library().KafkaTimeoutError:  # of what is still under way the caller knows already
        writer._closed = True  # else its finaliser tries again, and prints a traceback


def _unusable(broker: Broker, error: KafkaError) -> PreflightError:
    if isinstance(error, _library().KafkaTimeoutError):
        said = f"no answer within {_WITHIN_MS // 1_000} s; is it running, is the address right?"
    else:
        said = (str(error) or type(error).__name__).splitlines()[0]
    return PreflightError(f"Kafka at {broker.bootstrap} can't be used: {said}")
