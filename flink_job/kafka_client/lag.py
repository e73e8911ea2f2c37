"""How many records of topics a group of consumers has not read, by the offsets it has committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition
from kafka.errors import BrokerResponseError

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

_LOOK_MS: Final = 1_000
_LATEST, _EARLIEST = -1, -2  # as Kafka's protocol names offsets


@dataclass(frozen=True)
class Reading:
    """What a group reads, from the `earliest` record on if it has committed nothing yet.

    The last record of a transaction is followed by its end, which takes an offset: where all is
    written in transactions, `ends` is 1.
    """

    group: str
    topics: tuple[str, ...]
    earliest: bool
    ends: int = 0


class Lag:
    """How far a group is behind what is committed. One thread at a time.

    Offsets are counted, so while there is much to read the ends of transactions count, too. Where
    nothing moves, it is looked whether there is any record: what a transaction that was broken off
    has left is none.
    """

    def __init__(self, broker: Broker, reading: Reading) -> None:
        self._broker = broker
        self._reading = reading
        self._seen: dict[TopicPartition, tuple[int, int]] = {}
        self._empty: dict[TopicPartition, tuple[int, int]] = {}

    def records(self, client: KafkaAdminClient) -> int | None:
        """How many there are to read, None if that is not known yet or we may not know it.

        Raises:
            KafkaError: Kafka does not answer.
        """
        try:
            spans = self._spans(client)
        except BrokerResponseError:  # it does answer
            return None
        return None if spans is None else self._left(spans)

    def _left(self, spans: dict[TopicPartition, tuple[int, int]]) -> int:
        ends = self._reading.ends
        still = {at: span for at, span in spans.items() if self._seen.get(at) == span}
        doubtful = [at for at, (begin, end) in still.items() if end - begin > ends]
        self._look([at for at in doubtful if self._empty.get(at) != spans[at]], spans)
        self._seen = spans
        return sum(
            max(end - begin - ends, 0)
            for at, (begin, end) in spans.items()
            if self._empty.get(at) != (begin, end)
        )

    def _spans(self, client: KafkaAdminClient) -> dict[TopicPartition, tuple[int, int]] | None:
        """The offsets from where the group is to the end, by partition."""
        partitions = _partitions(client, self._reading.topics)
        group = self._reading.group
        committed = client.list_group_offsets({group: partitions})[group]
        begins = {at: found.offset for at, found in committed.items() if found.offset >= 0}
        missing = [at for at in partitions if at not in begins]
        if missing and not self._reading.earliest:
            return None
        begins |= _offsets(client, missing, _EARLIEST) if missing else {}
        ends = _offsets(client, partitions, _LATEST)
        return {at: (begins[at], max(ends[at], begins[at])) for at in partitions}

    def _look(
        self, doubtful: Sequence[TopicPartition], spans: Mapping[TopicPartition, tuple[int, int]]
    ) -> None:
        """Note in which partitions there is nothing to read."""
        if not doubtful:
            return
        with kafka.consumer(self._broker) as reader:
            for at in doubtful:
                begin, end = spans[at]
                reader.assign([at])
                reader.seek(at, begin)
                if not reader.poll(_LOOK_MS, max_records=1) and reader.position(at) >= end:
                    self._empty[at] = spans[at]


def _partitions(client: KafkaAdminClient, topics: Sequence[str]) -> list[TopicPartition]:
    found: Any = client.describe_topics(list(topics))
    return [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in found
        for partition in topic["partitions"]
    ]


def _offsets(
    client: KafkaAdminClient, partitions: Sequence[TopicPartition], which: int
) -> dict[TopicPartition, int]:
    """The first or the next offset of what is committed."""
    found = client.list_partition_offsets(
        dict.fromkeys(partitions, which), isolation_level="read_committed"
    )
    return {at: offset.offset for at, offset in found.items()}
