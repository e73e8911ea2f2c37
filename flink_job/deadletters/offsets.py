"""Where the places are kept that replaying has reached: beside the letters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from flink_job.deadletters.positions import ReplayPosition
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.runtime.atomic import write_whole
from operators.base.errors import FlockwiseError

ReplayPositions = Mapping[str, ReplayPosition]  # by part

_decode_ahead = msgspec.json.Decoder(dict[str, int]).decode


class Book(Protocol):
    """Keeps the places of all parts."""

    def read(self) -> dict[str, ReplayPosition]:
        """The places; a part that is not there is at its beginning.

        Raises:
            FlockwiseError: they can't be read.
        """
        ...

    def write(self, places: ReplayPositions) -> None:
        """Keep these places, and those of other parts as they are.

        Raises:
            FlockwiseError: they can't be written.
        """
        ...


class GroupBook:
    """The committed offsets of a consumer group; what is ahead of them is their metadata.

    Whoever sets the group back (kafka-consumer-groups.sh) has letters replayed again.
    """

    def __init__(self, broker: Broker, topic: str, group: str) -> None:
        self._broker = broker
        self._topic = topic
        self.group = group

    def read(self) -> dict[str, ReplayPosition]:
        with kafka.consumer(self._broker, group_id=self.group) as reader:
            partitions = reader.partitions_for_topic(self._topic) or ()
            found = {
                partition: reader.committed(TopicPartition(self._topic, partition), metadata=True)
                for partition in partitions
            }
        return {str(at): _place(offset) for at, offset in found.items() if offset is not None}

    def write(self, places: ReplayPositions) -> None:
        with kafka.consumer(self._broker, group_id=self.group) as committer:
            committer.commit(self.offsets(places))

    def offsets(self, places: ReplayPositions) -> dict[TopicPartition, OffsetAndMetadata]:
        """The places as a group commits them."""
        return {
            TopicPartition(self._topic, int(part)): OffsetAndMetadata(
                place.done, msgspec.json.encode(place.ahead).decode(), -1
            )
            for part, place in places.items()
        }


class FileBook:
    """A file of JSON, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, ReplayPosition]:
        if not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, ReplayPosition])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FlockwiseError(f"{self._path} can't be read: {error}") from error

    def write(self, places: ReplayPositions) -> None:
        text = msgspec.json.encode({**self.read(), **places})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, text)
        except OSError as error:
            raise FlockwiseError(f"{self._path} can't be written: {error}") from error


def _place(offset: OffsetAndMetadata) -> ReplayPosition:
    try:
        return ReplayPosition(offset.offset, _decode_ahead(offset.metadata or "{}"))
    except msgspec.DecodeError:  # somebody else has set it
        return ReplayPosition(offset.offset)
