"""What the lanes of a running job say in the status topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from flink_job.kafka_client import client as kafka
from flink_job.plan import Plan
from operators.base.errors import UsageError
from operators.contracts.records import Counts, LanePreview, LaneProgress, Status, status_decoder


@dataclass(frozen=True)
class VersionProgress:
    """How far a job has come with a version: so many of its lanes, and of their users.

    Users are known only of lanes that have taken the version.
    """

    lanes: int
    lanes_taken: int
    users: int
    judged: int

    @property
    def done(self) -> bool:
        """Whether every user is judged by the version."""
        return self.lanes_taken == self.lanes and self.judged == self.users

    def text(self) -> str:
        """Such as "8 of 8 lanes, 1,200 of 1,200 users"."""
        return f"{self.lanes_taken} of {self.lanes} lanes, {self.judged:,} of {self.users:,} users"


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
        said = (each for each in self._said() if isinstance(each, LaneProgress))
        newest = {each.lane: each for each in said if each.at >= since}
        taken = [each for each in newest.values() if each.rules >= version]
        return VersionProgress(
            self._lanes,
            len(taken),
            sum(each.users for each in taken),
            sum(each.judged if each.rules == version else each.users for each in taken),
        )

    def answer(self, question: str) -> dict[str, Counts] | None:
        """The sum of all lanes' answers to a preview, by segment; None until all are there.

        Raises:
            PreflightError: Kafka does not answer, or the topic is not there.
        """
        said = (each for each in self._said() if isinstance(each, LanePreview))
        answers = {each.lane: each for each in said if each.id == question}
        return _summed(answers.values()) if len(answers) == self._lanes else None

    def _said(self) -> Iterator[Status]:
        for record in kafka.read_to_end(self._broker, [self._topic]):
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
