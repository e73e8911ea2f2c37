"""Sends records to a Kafka topic, and waits while too much is under way."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from operators.base.errors import FlockwiseError

# The producer itself would take in a whole file faster than Kafka takes it from the producer.
_MOST_BYTES: Final = 32 * 1024 * 1024
_RECORD_BYTES: Final = 1_024  # what the producer keeps for a record beside its key and value
_PATIENCE_S: Final = 60.0  # longer than the producer's own


class Outbox:
    """Records on their way to one topic; those of a partition arrive in the order of sending."""

    def __init__(self, writer: KafkaProducer, topic: str) -> None:
        writer.partitions_for(topic)  # asked now, it does not hold up the first record
        self._writer = writer
        self._topic = topic
        self._under_way: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self.sent = 0  # what Kafka has confirmed, in order

    def send(self, key: bytes | None, value: bytes | None) -> None:
        """Send a record; not both may be None.

        Raises:
            MessageSizeTooLargeError: (of kafka-python) it is larger than `max_request_size`.
            FlockwiseError: Kafka did not take an earlier one.
        """
        future = self._writer.send(self._topic, value, key)
        size = len(key or b"") + len(value or b"") + _RECORD_BYTES
        self._under_way.append((future, size))
        self._bytes += size
        while self._bytes > _MOST_BYTES or (self._under_way and self._under_way[0][0].is_done):
            self._settle()

    def flush(self) -> None:
        """Wait until all have arrived.

        Raises:
            FlockwiseError: Kafka did not take one.
        """
        with suppress(KafkaTimeoutError):  # then the record that waits fails, and says why
            self._writer.flush(_PATIENCE_S)
        while self._under_way:
            self._settle()

    def _settle(self) -> None:
        future, size = self._under_way.popleft()
        self._bytes -= size
        try:
            future.get(_PATIENCE_S)
        except KafkaError as error:
            silent = isinstance(error, KafkaTimeoutError)
            said = "no answer" if silent else str(error) or type(error).__name__
            raise FlockwiseError(
                f"Kafka took {self.sent:,} records into '{self._topic}' and then no more: {said}"
            ) from error
        self.sent += 1
