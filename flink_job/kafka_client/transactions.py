"""Kafka transactions that end, one way or the other, within a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, ProducerFencedError
from kafka.structs import OffsetAndMetadata

from operators.base.errors import FlockwiseError

_WITHIN_S: Final = 30.0

Offsets = Mapping[TopicPartition, OffsetAndMetadata]


class Transactions:
    """Transactions of a producer that has a transactional id, with offsets of a group.

    Beginning with the id ends what an earlier producer with it left open, and shuts that one out.

    Raises:
        FlockwiseError: Kafka does not answer, or does not let us.
    """

    def __init__(self, writer: KafkaProducer, group: str) -> None:
        self._writer = writer
        self._group = group
        _within(writer.init_transactions)

    @contextmanager
    def one(self, offsets: Offsets) -> Iterator[None]:
        """A transaction: what is sent in it is committed with these offsets, or not at all.

        Raises:
            FlockwiseError: it was not committed.
        """
        _within(self._writer.begin_transaction)
        try:
            yield
            if offsets:
                _within(
                    lambda: self._writer.send_offsets_to_transaction(dict(offsets), self._group)
                )
            _within(self._writer.commit_transaction)
        except BaseException as error:
            with suppress(FlockwiseError):  # then Kafka ends it, after transaction.timeout.ms
                _within(self._writer.abort_transaction)
            if isinstance(error.__cause__, ProducerFencedError):
                raise FlockwiseError("another of the same name has begun: this one ends") from error
            raise


def _within(call: Callable[[], None]) -> None:
    """Make a call that would wait for Kafka for ever."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_WITHIN_S)
    if thread.is_alive():
        raise FlockwiseError(f"Kafka did not end a transaction within {_WITHIN_S:.0f} s")
    for error in failed:
        if isinstance(error, KafkaError):
            raise FlockwiseError(f"a transaction in Kafka failed: {error}") from error
        raise error
