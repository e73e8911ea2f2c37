"""A topic that is looked at again and again, while a job writes to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Generic, TypeVar

from kafka.consumer.fetcher import ConsumerRecord

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.reading import TopicReader, ends_of

T = TypeVar("T")

_ANSWERED_WITHIN_MS: Final = 20  # whoever asks anew waits for what was asked before


class Followed(Generic[T]):
    """What a topic has ever held, decoded: of records that were read nothing is read again.

    A consumer of its own, made anew for each look, would be most of what a waiting test does.
    """

    def __init__(self, broker: Broker, topic: str, decode: Callable[[ConsumerRecord], T]) -> None:
        self._broker = broker
        self._topic = topic
        self._decode = decode
        self._read: list[T] = []
        self._opened = ExitStack()  # it goes with this object
        self._reader: TopicReader | None = None

    def all(self) -> list[T]:
        """The committed records up to now, those of a partition in order.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        if self._reader is None:
            self._reader = self._open()
        self._read.extend(map(self._decode, self._reader.read_on()))
        return list(self._read)

    def _open(self) -> TopicReader:
        options = {"fetch_max_wait_ms": _ANSWERED_WITHIN_MS}
        with ExitStack() as opened:
            consumer = opened.enter_context(kafka.consumer(self._broker, **options))
            partitions = list(ends_of(consumer, self._broker, [self._topic]))
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            self._opened = opened.pop_all()
        return TopicReader(self._broker, consumer, partitions)
