"""Kafka beside Flink: how to reach it, whether it is there, its topics, and reading to the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from flink_job.config.model import KafkaSecurity
from flink_job.config.secrets import resolve
from operators.base.errors import PreflightError

_WITHIN_MS: Final = 6_000
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
_FETCH_BYTES: Final = 8 * 1024 * 1024
_POLL_RECORDS: Final = 10_000
_SILENT_S: Final = 30.0
# Large batches, compressed, cost half the time: kafka-python's checksum is made byte by byte.
_BATCH_BYTES: Final = 256 * 1024
_REQUEST_WITHIN_MS: Final = 10_000
_DELIVERY_WITHIN_MS: Final = 30_000

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it logs it raises as well

_has_abort_marker: Final = Fetcher.PartitionRecords._contains_abort_marker


def _has_abort_marker_if_any(records: Any, batch: Any) -> bool:
    """kafka-python takes the first record of what ends a transaction, and fails if there is none.

    A broker removes it a day after a compaction has removed the transaction (KAFKA-7467).
    """
    try:
        return bool(_has_abort_marker(records, batch))
    except StopIteration:
        return False


Fetcher.PartitionRecords._contains_abort_marker = _has_abort_marker_if_any


@dataclass(frozen=True)
class Broker:
    """Where Kafka is and how to log in; the password is never shown."""

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def of(cls, bootstrap: str, security: KafkaSecurity, path: str) -> Broker:
        """The broker of a part of the configuration, with its references resolved.

        Raises:
            UsageError: a variable that is referred to is not set.
        """
        user, password = security.user, security.password
        return cls(
            bootstrap=resolve(bootstrap, f"{path}.bootstrap"),
            protocol=security.protocol,
            mechanism=security.mechanism,
            user=user and resolve(user, f"{path}.security.user"),
            password=password and resolve(password, f"{path}.security.password"),
            ca_file=security.ca_file,
        )

    def java_properties(self) -> dict[str, str]:
        """How Flink's client logs in."""
        properties = {"security.protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            kind = "plain.Plain" if self.mechanism == "PLAIN" else "scram.Scram"
            login = f"org.apache.kafka.common.security.{kind}LoginModule required"
            # The connector's jar carries Kafka under a name of its own.
            login = f"org.apache.flink.kafka.shaded.{login}"
            user, password = (_quoted(text or "") for text in (self.user, self.password))
            properties["sasl.mechanism"] = self.mechanism
            properties["sasl.jaas.config"] = f"{login} username={user} password={password};"
        if self.ca_file and self.protocol.endswith("SSL"):
            properties["ssl.truststore.type"] = "PEM"
            properties["ssl.truststore.location"] = self.ca_file
        return properties

    def python_options(self) -> dict[str, Any]:
        """How kafka-python logs in."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.protocol,
            "client_id": "flockwise",
        }
        if self.protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        if self.ca_file and self.protocol.endswith("SSL"):
            options["ssl_cafile"] = self.ca_file
        return options


@contextmanager
def admin(broker: Broker) -> Iterator[KafkaAdminClient]:
    """An administrator's client.

    Raises:
        PreflightError: Kafka does not answer within seconds, or refuses.
    """
    client = None
    try:
        client = KafkaAdminClient(
            **broker.python_options(),
            bootstrap_timeout_ms=_WITHIN_MS,
            request_timeout_ms=_WITHIN_MS,
        )
        yield client
    except KafkaError as error:
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


def make_topic(
    broker: Broker, name: str, partitions: int, configs: Mapping[str, str] | None = None
) -> None:
    """Make a topic if it is not there; one that is stays as it is.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
    """
    with admin(broker) as client:
        if name in client.list_topics():
            return
        wanted = {"num_partitions": partitions, "configs": dict(configs or {})}
        with suppress(TopicAlreadyExistsError):  # somebody else was faster
            client.create_topics({name: wanted}, wait_for_metadata=True)


def largest_message(broker: Broker, topic: str) -> int:
    """How many bytes a message of a topic may have.

    Raises:
        PreflightError: Kafka does not answer, or the topic is not there.
    """
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    with admin(broker) as client:
        found = client.describe_configs([resource], config_filter="all")["topic"][topic]
    if "max.message.bytes" not in found:
        raise PreflightError(f"Kafka at {broker.bootstrap} has no topic '{topic}'")
    return int(found["max.message.bytes"]["value"])


def read_to_end(broker: Broker, names: Sequence[str]) -> Iterator[ConsumerRecord]:
    """Every committed record that these topics hold now, oldest first in each partition.

    Raises:
        PreflightError: Kafka does not answer, or no longer, or a topic is not there.
    """
    with consumer(broker) as reader:
        partitions = [
            TopicPartition(name, partition)
            for name in names
            for partition in sorted(reader.partitions_for_topic(name) or ())
        ]
        if len({partition.topic for partition in partitions}) < len(set(names)):
            raise PreflightError(f"Kafka at {broker.bootstrap} has no topic {' or '.join(names)}")
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        ends = reader.end_offsets(partitions)
        left, moved_s = _left(reader, ends), time.monotonic()
        while left:
            for records in reader.poll(timeout_ms=500).values():
                yield from records
            before, left = left, _left(reader, ends)
            if left != before:
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > _SILENT_S:
                raise PreflightError(
                    f"Kafka at {broker.bootstrap} gave no more records for {_SILENT_S:.0f} s"
                )


def _left(reader: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    """How many offsets are left to read; some of them hold no records."""
    return sum(max(end - reader.position(partition), 0) for partition, end in ends.items())


@contextmanager
def consumer(broker: Broker, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer of what is committed.

    Raises:
        PreflightError: Kafka does not answer, or refuses.
    """
    reader = None
    try:
        reader = KafkaConsumer(
            **broker.python_options(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            max_poll_records=_POLL_RECORDS,
            bootstrap_timeout_ms=_WITHIN_MS,
            **options,
        )
        yield reader
    except KafkaError as error:
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
    writer = None
    try:
        writer = KafkaProducer(
            **broker.python_options(),
            acks="all",
            enable_idempotence=True,
            compression_type="gzip",
            batch_size=_BATCH_BYTES,
            request_timeout_ms=_REQUEST_WITHIN_MS,
            delivery_timeout_ms=_DELIVERY_WITHIN_MS,
            max_block_ms=_REQUEST_WITHIN_MS,
            bootstrap_timeout_ms=_WITHIN_MS,
            **options,
        )
        yield writer
    except KafkaError as error:
        raise _unusable(broker, error) from error
    finally:
        if writer is not None:
            _close(writer)


def _close(writer: KafkaProducer) -> None:
    try:
        writer.close(timeout=1)
    except KafkaTimeoutError:  # of what is still under way the caller knows already
        writer._closed = True  # else its finaliser tries again, and prints a traceback


def _unusable(broker: Broker, error: KafkaError) -> PreflightError:
    if isinstance(error, KafkaTimeoutError):
        said = f"no answer within {_WITHIN_MS // 1_000} s; is it running, is the address right?"
    else:
        said = (str(error) or type(error).__name__).splitlines()[0]
    return PreflightError(f"Kafka at {broker.bootstrap} can't be used: {said}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
