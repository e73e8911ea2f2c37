"""What the lanes of a running job say in the status topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from flink_job.control.input_status import InputStatus
from flink_job.kafka_client import reading
from flink_job.plan import Plan
from operators.base.durations import US_PER_UNIT
from operators.base.errors import UsageError
from operators.contracts.records import (
    Counts,
    LaneInput,
    LanePreview,
    LaneProgress,
    Status,
    status_decoder,
)
from operators.membership.telling import TELL_US

_NEWEST: Final = 4_000  # offsets at the end of the topic, which mostly have the newest of each lane


@dataclass(frozen=True)
class VersionProgress:
    """How far a job has come with a version: so many of its lanes, and of their users.

    Of `lanes`, `lanes_told` have told how many users they have since the job was started, and
    `lanes_taken` the version. `users`, and how many of them are `judged` by it, are None until
    all lanes have told; `members`, by segment, until everyone is judged. `told_at` (ISO 8601) is
    when a lane told last; what changes in a running job is told within `TELL_US`.
    """

    lanes: int
    lanes_told: int
    lanes_taken: int
    users: int | None
    judged: int | None
    members: Mapping[str, int] | None
    told_at: str | None

    @classmethod
    def of(cls, version: int, lanes: int, told: Collection[LaneProgress]) -> VersionProgress:
        """What the newest words of lanes come to."""
        taken = [each for each in told if each.rules >= version]
        complete = len(told) == lanes
        judged = sum(each.judged if each.rules == version else each.users for each in taken)
        return cls(
            lanes=lanes,
            lanes_told=len(told),
            lanes_taken=len(taken),
            users=sum(each.users for each in told) if complete else None,
            judged=judged if complete else None,
            members=_members(version, told) if complete else None,
            told_at=max((each.at for each in told), default=None),
        )

    @property
    def done(self) -> bool:
        """Whether every user is judged by the version."""
        return self.lanes_taken == self.lanes and self.judged == self.users

    def text(self) -> str:
        """Such as "8 of 8 lanes, 1,200 of 1,200 users"."""
        taken = f"{self.lanes_taken} of {self.lanes} lanes"
        if self.users is None:
            silent = self.lanes - self.lanes_told
            return f"{taken}; how many users there are is not known yet: {silent} have not told"
        return f"{taken}, {self.judged:,} of {self.users:,} users"

    def as_of(self) -> str:
        """As of when the numbers are."""
        late_s = TELL_US // US_PER_UNIT["s"]
        return f"told at {self.told_at}; a running job tells what changes within {late_s} s"


def _members(version: int, told: Collection[LaneProgress]) -> dict[str, int] | None:
    total: Counter[str] = Counter()
    for each in told:
        if each.rules != version or each.members is None:
            return None
        total.update(each.members)
    return dict(total)


class StatusTopic:
    """The status topic of a plan."""

    def __init__(self, plan: Plan) -> None:
        broker = plan.kafka.output_broker()
        if broker is None or not plan.steered:
            raise UsageError("this configuration's job has no status topic")
        self._broker = broker
        self._topic = plan.kafka.topics().status
        self._lanes = plan.config.run.lanes

    def progress(self, version: int, since: str | None) -> VersionProgress | None:
        """How far the lanes of the job that was started at a moment have come with a version.

        None before there was a job.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        if since is None:
            return None
        told = self._told(since, _NEWEST)
        if len(told) < self._lanes:
            told = self._told(since, None)
        return VersionProgress.of(version, self._lanes, told)

    def input(self, since: str | None) -> InputStatus | None:
        """What has come to the lanes of the job that was started at a moment.

        None before there was a job.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        if since is None:
            return None
        said = (each for each in self._said() if isinstance(each, LaneInput))
        told = {each.lane: each for each in said if each.at >= since}
        return InputStatus.of(self._lanes, told.values())

    def answer(self, question: str) -> dict[str, Counts] | None:
        """The sum of all lanes' answers to a preview, by segment; None until all are there.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        said = (each for each in self._said() if isinstance(each, LanePreview))
        answers = {each.lane: each for each in said if each.id == question}
        return _summed(answers.values()) if len(answers) == self._lanes else None

    def _told(self, since: str, newest: int | None) -> list[LaneProgress]:
        """The newest word of each lane since a moment, among so many offsets."""
        said = (each for each in self._said(newest) if isinstance(each, LaneProgress))
        return list({each.lane: each for each in said if each.at >= since}.values())

    def _said(self, newest: int | None = None) -> Iterator[Status]:
        for record in reading.read_to_end(self._broker, [self._topic], newest):
            try:
                yield status_decoder.decode(record.value or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # none of ours


def _summed(answers: Iterable[LanePreview]) -> dict[str, Counts]:
    total: dict[str, Counts] = {}
    for answer in answers:
        for name, own in answer.segments.items():
            so_far = total.get(name, Counts(0, 0, 0))
            total[name] = Counts(
                so_far.enter + own.enter, so_far.leave + own.leave, so_far.stay + own.stay
            )
    return total
