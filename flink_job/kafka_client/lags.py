"""How many committed records of topics a consumer group has not come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

# Where so few offsets are left, records are counted: some offsets hold the ends of transactions.
_COUNTED: Final = 500


def lag(broker: Broker, topics: Sequence[str], group: str, *, from_start: bool) -> int | None:
    """The committed records that are behind a group's offsets, None if it has none yet.

    With `from_start` a group without offsets has all of them before it.

    Raises:
        PreflightError: Kafka does not answer, or a topic is not there.
    """
    with kafka.consumer(broker, group_id=group) as reader:
        ends = reading.ends_of(reader, broker, topics)
        places = _places(reader, list(ends), from_start=from_start)
        if places is None:
            return None
        left = {each: max(end - places[each], 0) for each, end in ends.items()}
        near = {each: ends[each] for each, offsets in left.items() if 0 < offsets <= _COUNTED}
        reader.assign(list(near))
        for each in near:
            reader.seek(each, places[each])
        counted = sum(1 for _ in reading.read_up_to(reader, broker, near)) if near else 0
        return counted + sum(offsets for each, offsets in left.items() if each not in near)


def _places(
    reader: KafkaConsumer, partitions: Sequence[TopicPartition], *, from_start: bool
) -> Mapping[TopicPartition, int] | None:
    first = reader.beginning_offsets(partitions)
    committed = {each: reader.committed(each) for each in partitions}
    if not from_start and not any(offset is not None for offset in committed.values()):
        return None
    # Records may have been dropped since; a partition that is new is read from its start.
    return {each: max(committed[each] or 0, first[each]) for each in partitions}
