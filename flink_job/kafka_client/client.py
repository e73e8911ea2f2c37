"""Kafka beside Flink: whether it is there, its topics, and clients that read and write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from flink_job.kafka_client.broker import Broker
from operators.base.errors import PreflightError

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

_WITHIN_MS: Final = 6_000
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
_FETCH_BYTES: Final = 8 * 1024 * 1024
_POLL_RECORDS: Final = 10_000
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
