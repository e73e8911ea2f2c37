"""The control topic from outside of the job: which segments hold, and sending others."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flink_job import kafka
from flink_job.kafka import Broker
from flink_job.plan import Plan
from operators.control.messages import NONE, Message, Preview, Segments, Started, encode
from operators.control.versions import Versions
from operators.errors import FlockwiseError, UsageError
from operators.features.catalog import Catalog
from operators.moments import iso_at, now_us
from operators.rules.spec import SegmentSpec


@dataclass(frozen=True)
class Standing:
    """Every version that held, oldest first, and the offset of the newest."""

    history: Sequence[Segments]
    offset: int

    @property
    def newest(self) -> Segments:
        """The version that holds; 0, without segments, before there is any."""
        return self.history[-1] if self.history else NONE


class Steering:
    """The control topic of a plan.

    Raises:
        UsageError: the plan has none; what it would take.
    """

    def __init__(self, plan: Plan) -> None:
        broker, topics = plan.output_broker(), plan.topics()
        if broker is None or not plan.steered:
            raise UsageError(
                "segments change while a job runs only if it reads from Kafka without end and "
                "writes to Kafka: change the configuration, and run it again"
            )
        self._plan = plan
        self._broker: Broker = broker
        self._topic = topics.control

    def standing(self) -> Standing:
        """Read what holds.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        versions, history, offset = self._versions(), [], 0
        for record in kafka.read_to_end(self._broker, [self._topic]):
            taken = versions.follow(record.value or b"")
            if isinstance(taken, Segments):
                history.append(taken)
                offset = record.offset
        return Standing(history, offset)

    def send(self, segments: Mapping[str, SegmentSpec], after: Segments) -> Standing:
        """Make these the segments, in the version that follows `after`.

        Raises:
            UsageError: they can't be; or somebody else was faster.
            PreflightError: Kafka does not answer.
        """
        wanted = Segments(after.version + 1, dict(segments), iso_at(now_us()), getpass.getuser())
        self._write(wanted)
        standing = self.standing()
        if wanted not in standing.history:
            raise UsageError(
                f"somebody else made version {wanted.version} at the same time: look at it with "
                "`flockwise segments list`, and do it again"
            )
        return standing

    def note_start(self, *, fresh: bool) -> None:
        """Note that the plan's job is started, with no state if it is `fresh`.

        Raises:
            PreflightError: Kafka does not answer.
        """
        self._write(Started(iso_at(now_us()), self._identities(), fresh))

    def counting_since(self) -> dict[str, str | None]:
        """Since when each feature counts, ISO 8601: since it was there in every start.

        None where no job was started with it.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        since: dict[str, str] = {}  # by identity
        for record in kafka.read_to_end(self._broker, [self._topic]):
            said = self._versions().follow(record.value or b"")
            if isinstance(said, Started):
                before = {} if said.fresh else since
                since = {each: before.get(each, said.at) for each in said.features.values()}
        return {name: since.get(identity) for name, identity in self._identities().items()}

    def ask(self, question: Preview) -> None:
        """Put a question to the running job.

        Raises:
            UsageError: it can't be put: the segments are wrong, or too many.
            PreflightError: Kafka does not answer.
        """
        self._write(question)

    def settled(self, *, apply: bool) -> Standing:
        """The segments to start a job with: those that hold, or the configuration's.

        The configuration's become the first version, and with `apply` the next one.

        Raises:
            UsageError: others hold than the configuration says.
            PreflightError: Kafka does not answer.
        """
        standing, configured = self.standing(), self._plan.config.segments
        newest = standing.newest
        if newest.version == 0 or (apply and newest.segments != configured):
            return self.send(configured, newest)
        if newest.segments != configured:
            raise UsageError(
                f"version {newest.version} of the segments holds, and the configuration differs "
                f"from it in {_differing(newest.segments, configured)}: --apply makes the "
                "configuration the next version, `flockwise segments export` writes what holds"
            )
        return standing

    def _identities(self) -> dict[str, str]:
        config = self._plan.config
        catalog = Catalog.compile(config.features, config.events.session_gap_us)
        return {name: catalog.identities[name] for name in config.features}

    def _versions(self) -> Versions:
        return Versions(NONE, self._plan.judged_columns())

    def _write(self, message: Message) -> None:
        encoded = encode(message)
        self._versions().take(encoded)
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
