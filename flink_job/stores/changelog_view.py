"""The changelog itself as a view that answers what a store answers, where there is no store.

It reads all of the changelog at the first question, and keeps each user's newest record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from flink_job.stores.audiences import audiences
from flink_job.stores.base import Member, StoreReader
from flink_job.stores.outcomes import newest_outcomes
from operators.base.errors import PreflightError
from operators.contracts.outcomes import OutcomeRecord, outcome_decoder
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    transition_decoder,
)

RawRecord = tuple[bytes | None, bytes | None]  # a key and a value
RawRecords = Callable[[], Iterable[RawRecord]]


class _Head(msgspec.Struct, frozen=True, gc=False):
    """Whom a record is about, when it was said, and whether it was the last of them."""

    user: str
    version: int
    forgotten: bool = False


_head_decoder = msgspec.json.Decoder(_Head)
_R = TypeVar("_R")


@dataclass
class _Newest:
    """Each user's newest record, and the largest version of those who were forgotten."""

    records: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)

    def put(self, head: _Head, value: bytes) -> None:
        """Keep a record if it is the newest; one from before its user was forgotten is not."""
        known = max(self.records.get(head.user, (-1,))[0], self.forgotten.get(head.user, -1))
        if head.version > known:
            self.records[head.user] = (head.version, value)
            if head.forgotten:
                self.forget(head.user)

    def forget(self, user: str) -> None:
        """Let go of a user's record, but not of its version."""
        version, _ = self.records.pop(user, (-1, b""))
        self.forgotten[user] = max(version, self.forgotten.get(user, -1))


class ChangelogView(StoreReader):
    """Answers from streams of records; `unreadable` counts those that are none of ours.

    Each user's largest version wins. A record that says so forgets its user, and a null value
    the one whose key it has, with all that was said before it.
    """

    def __init__(
        self, assignments: RawRecords, transitions: RawRecords, outcomes: RawRecords = tuple
    ) -> None:
        self._assignments = assignments
        self._transitions = transitions
        self._outcomes = outcomes
        self.unreadable = 0

    def lookup(self, user: str) -> Assignment | None:
        _, value = self._newest.records.get(user, (-1, None))
        return None if value is None else self._read(assignment_decoder, value)

    def members(self, segment: str) -> Iterator[Member]:
        return (
            Member(found.user, found.since.get(segment), found.version)
            for found in self.assignments()
            if segment in found.segments
        )

    def cluster_members(self, model: str, cluster: int) -> Iterator[Member]:
        return (
            Member(found.user, own.since, found.version)
            for found in self.assignments()
            if (own := found.clusters.get(model)) and own.cluster == cluster
        )

    def transitions(self, user: str, limit: int) -> list[Transition]:
        after = self._newest.forgotten.get(user, -1)
        found = {
            (record.version, record.segment): record
            for record in self._transitions_where(lambda head: head.user == user)
            if record.version > after
        }
        newest = sorted(found.values(), key=lambda record: (-record.version, record.segment))
        return newest[:limit]

    def assignments(self) -> Iterator[Assignment]:
        values = (value for _, value in self._newest.records.values())
        found = (self._read(assignment_decoder, value) for value in values)
        return (assignment for assignment in found if assignment is not None)

    def all_members(self) -> Iterator[tuple[str, Member]]:
        return (
            (audience, Member(found.user, since, found.version))
            for found in self.assignments()
            for audience, since in audiences(found).items()
        )

    def all_transitions(self) -> Iterator[Transition]:
        after = self._newest.forgotten
        found = {
            (record.user, record.version, record.segment): record
            for record in self._transitions_where(lambda _: True)
            if record.version > after.get(record.user, -1)
        }
        return iter(found.values())

    def outcomes(self) -> Iterator[OutcomeRecord]:
        values = (value for _, value in self._outcomes() if value is not None)
        found = (self._read(outcome_decoder, value) for value in values)
        newest = newest_outcomes(record for record in found if record is not None)
        return (record for record in newest if not record.gone)

    def close(self) -> None:
        """There is nothing to let go of."""

    @cached_property
    def _newest(self) -> _Newest:
        newest = _Newest()
        for key, value in self._assignments():
            if value is None:
                newest.forget((key or b"").decode(errors="replace"))
            elif (head := self._read(_head_decoder, value)) is not None:
                newest.put(head, value)
        return newest

    def _transitions_where(self, wanted: Callable[[_Head], bool]) -> Iterator[Transition]:
        for _, value in self._transitions():
            head = self._read(_head_decoder, value or b"")
            if value is not None and head is not None and wanted(head):
                transition = self._read(transition_decoder, value)
                if transition is not None:
                    yield transition

    def _read(self, decoder: msgspec.json.Decoder[_R], value: bytes) -> _R | None:
        try:
            return decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.unreadable += 1
            return None


def kafka_records(broker: Broker, topic: str) -> Iterator[RawRecord]:
    """The committed records of a topic.

    Raises:
        PreflightError: Kafka does not answer, or the topic is not there.
    """
    return ((record.key, record.value) for record in reading.read_to_end(broker, [topic]))


def folder_records(folder: Path, topic: str) -> Iterator[RawRecord]:
    """The committed records of an output folder.

    Raises:
        PreflightError: there is no such folder, or it can't be read.
    """
    if not folder.is_dir():
        raise PreflightError(f"{folder}: there is no output yet: a run makes it")
    try:
        for path in committed_files(folder / topic):
            with path.open("rb") as lines:
                yield from ((None, line) for line in lines)
    except OSError as error:
        raise PreflightError(f"{folder} can't be read: {error}") from error
