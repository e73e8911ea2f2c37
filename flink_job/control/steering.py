"""The control topic from outside of the job: which segments hold, and sending others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flink_job.control import removals
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from flink_job.plan import Plan
from flink_job.runtime.process_identity import somebody
from operators.base.errors import FlockwiseError, UsageError
from operators.base.frame import FeatureColumn
from operators.base.moments import iso_at, now_us
from operators.contracts.control.messages import (
    LARGEST,
    NONE,
    Message,
    Preview,
    Segments,
    Started,
    encode,
    read,
)
from operators.contracts.control.versions import HeldVersion, counted
from operators.contracts.leases import Lease
from operators.rules.rulebook import problems
from operators.rules.spec import SegmentSpec

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord


@dataclass(frozen=True)
class Standing:
    """What the control topic says.

    `history` has every version that counts, oldest first, `offset` is that of the newest. `kept`
    is what conditions may name: what the configuration has and the job that was started last, at
    `started_at`, keeps, too.
    """

    history: Sequence[Segments]
    offset: int
    kept: Mapping[str, FeatureColumn]
    started_at: str | None = None

    @property
    def newest(self) -> Segments:
        """The newest version; 0, without segments, before there is any."""
        return self.history[-1] if self.history else NONE

    @cached_property
    def held(self) -> Segments:
        """The version that holds: the newest that can be judged by what is kept."""
        return next(filter(self.can_hold, reversed(self.history)), NONE)

    def can_hold(self, version: Segments) -> bool:
        """Whether a version can be judged by what is kept."""
        return not problems(version.segments, self.kept)


class Steering:
    """The control topic of a plan.

    Raises:
        UsageError: the plan has none; what it would take.
    """

    def __init__(self, plan: Plan) -> None:
        broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
        if broker is None or not plan.steered:
            raise UsageError(
                "segments change while a job runs only if it reads from Kafka without end and "
                "writes to Kafka: change the configuration, and run it again"
            )
        self._plan = plan
        self._broker: Broker = broker
        self._topic = topics.control

    def standing(self) -> Standing:
        """Read what holds; nothing does before the first run has made the topic.

        Raises:
            PreflightError: Kafka does not answer.
        """
        held, history, offset = HeldVersion(), [], 0
        started: Started | None = None
        for record, message in self._messages():
            if isinstance(message, Started):
                started = message
            elif isinstance(message, Segments):
                with suppress(UsageError):
                    held = counted(message, held)
                    history.append(message)
                    offset = record.offset
        return Standing(history, offset, self._kept(started), started.at if started else None)

    def send(self, segments: Mapping[str, SegmentSpec], after: Standing) -> Standing:
        """Make these the segments, in the version that follows the newest.

        Raises:
            UsageError: they are too large; or somebody else was faster.
            PreflightError: Kafka does not answer.
        """
        wanted = Segments(after.newest.version + 1, dict(segments), iso_at(now_us()), somebody())
        self._write(wanted)
        standing = self.standing()
        if wanted not in standing.history:
            raise UsageError(
                f"somebody else made version {wanted.version} at the same time: look at it with "
                "`flockwise segments list`, and do it again"
            )
        return standing

    def starting(self, *, fresh: bool, lease: Lease | None) -> Callable[[], None]:
        """What notes that the plan's job is started now, with no state if it is `fresh`.

        It is to be called once Flink has taken the job, and then raises:
            PreflightError: Kafka does not answer.
        """
        fence = lease.fence if lease else 0
        started = Started(iso_at(now_us()), self._identities(), fresh, fence)
        return lambda: self._write(started)

    def counting_since(self) -> dict[str, str | None]:
        """Since when each feature counts, ISO 8601: since it was there in every start.

        None where no job was started with it.

        Raises:
            PreflightError: Kafka does not answer.
        """
        since: dict[str, str] = {}  # by identity
        for _, said in self._messages():
            if isinstance(said, Started):
                before = {} if said.fresh else since
                since = {each: before.get(each, said.at) for each in said.features.values()}
        return {name: since.get(identity) for name, identity in self._identities().items()}

    def ask(self, question: Preview) -> None:
        """Put a question to the running job.

        Raises:
            UsageError: it is too large.
            PreflightError: Kafka does not answer.
        """
        self._write(question)

    def settled(self, *, apply: bool, remove: bool = False) -> Standing:
        """The segments to start a job with: those that hold, or the configuration's.

        The configuration's become the first version, and with `apply` the next one, from which
        segments may be gone that the configuration never had if that is said by `remove`.

        Raises:
            UsageError: others hold than the configuration says, or would be removed.
            PreflightError: Kafka does not answer.
        """
        standing, configured = self.standing(), self._plan.config.segments
        folder, newest = self._plan.folder.path, standing.newest
        if newest.version == 0 or (apply and newest.segments != configured):
            removals.check(folder, standing.history, configured, remove=remove)
            standing = self.send(configured, standing)
        elif newest.segments != configured:
            raise UsageError(
                f"version {newest.version} of the segments holds, and the configuration differs "
                f"from it in {_differing(newest.segments, configured)}: --apply makes the "
                "configuration the next version, `flockwise segments export` writes what holds"
            )
        removals.note(folder, standing.newest, configured)
        return standing

    def _kept(self, started: Started | None) -> Mapping[str, FeatureColumn]:
        columns = self._plan.judged_columns()
        if started is None:
            return columns
        own = self._identities()
        missing = {name for name in own if own[name] != started.features.get(name)}
        return {name: column for name, column in columns.items() if name not in missing}

    def _messages(self) -> Iterator[tuple[ConsumerRecord, Message]]:
        """All that can be read."""
        if self._topic not in kafka.topics(self._broker):
            return
        for record in reading.read_to_end(self._broker, [self._topic]):
            with suppress(UsageError):
                yield record, read(record.value or b"")

    def _identities(self) -> dict[str, str]:
        config = self._plan.config
        catalog = config.catalog()
        return {name: catalog.identities[name] for name in config.features}

    def _write(self, message: Message) -> None:
        encoded = encode(message)
        if len(encoded) > LARGEST:
            raise UsageError(
                f"the segments take {len(encoded):,} bytes as a message, of which {LARGEST:,} are "
                "allowed: lists of members take the most"
            )
        if self._topic not in kafka.topics(self._broker):
            raise UsageError(f"there is no topic '{self._topic}' yet: the first run makes it")
        with kafka.producer(self._broker) as writer:
            sent = writer.send(self._topic, value=encoded)
            writer.flush()
            if not sent.succeeded():
                raise FlockwiseError(f"Kafka did not take the message: {sent.exception}")


def differing(one: Mapping[str, SegmentSpec], other: Mapping[str, SegmentSpec]) -> list[str]:
    """The names of the segments that differ, or that only one of the two has."""
    return sorted(name for name in {**one, **other} if one.get(name) != other.get(name))


def _differing(one: Mapping[str, SegmentSpec], other: Mapping[str, SegmentSpec]) -> str:
    names = differing(one, other)
    return ", ".join(f"'{name}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")
