"""How a configuration is at work: its jobs, what is behind, what holds, what could not be used.

All parts are asked for at once, each for itself: what can't be known holds nothing else up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from flink_job.control.changing import standing_of
from flink_job.control.input_status import InputStatus
from flink_job.control.job_status import JobStatus, job_statuses
from flink_job.control.status import StatusTopic, VersionProgress
from flink_job.deadletters.tally import LetterTally, tally_of
from flink_job.kafka_client.lags import lag
from flink_job.plan import Plan
from flink_job.queries.model_versions import ModelVersion, newest_versions
from flink_job.runtime.rest import FlinkRest
from operators.base.errors import FlockwiseError, JobError


class SegmentsVersion(msgspec.Struct, frozen=True):
    """The version of the segments that holds, who made it and when; how far lanes have come."""

    version: int
    at: str | None
    by: str | None
    progress: VersionProgress | None


class PlanStatus(msgspec.Struct, frozen=True):
    """All of it; a part that is None does not apply, or `unknown` says why it is not known.

    `events` are the records of the source topic that are not read yet, `changelog` those that the
    store does not have yet: both as of the last checkpoint.
    """

    name: str
    jobs: list[JobStatus]
    events: int | None
    changelog: int | None
    segments: SegmentsVersion | None
    input: InputStatus | None
    models: list[ModelVersion] | None
    dead_letters: LetterTally | None
    unknown: dict[str, str]

    @property
    def good(self) -> bool:
        """Whether all that should run does."""
        return all(job.good for job in self.jobs)


def status_of(plan: Plan, rest: FlinkRest | None) -> PlanStatus:
    """How a plan is at work; `rest` is the cluster to ask beside this machine, if there is one."""
    asked: Mapping[str, Callable[[], Any]] = {
        "events": lambda: _events(plan),
        "changelog": lambda: _changelog(plan),
        "segments": lambda: _segments(plan),
        "input": lambda: _input(plan),
        "models": lambda: newest_versions(plan) if plan.config.clusters else None,
        "dead_letters": lambda: tally_of(plan),
    }
    unknown: dict[str, str] = {}

    def answer(part: str) -> Any:
        try:
            return asked[part]()
        except FlockwiseError as error:
            unknown[part] = str(error)
            return None

    with ThreadPoolExecutor(len(asked)) as pool:
        answering = pool.map(answer, asked)
        jobs, why = job_statuses(plan, rest)
        answers = dict(zip(asked, answering, strict=True))
    if why is not None:
        unknown["cluster"] = why
    return PlanStatus(plan.config.name, jobs, unknown=unknown, **answers)


def _events(plan: Plan) -> int | None:
    source, broker = plan.config.source.kafka, plan.kafka.input_broker()
    if source is None or broker is None:
        return None
    group = plan.kafka.segment_group()
    return _known(lag(broker, [source.topic], group, from_start=source.start == "earliest"))


def _changelog(plan: Plan) -> int | None:
    broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
    if broker is None or plan.config.store is None:
        return None
    group = plan.kafka.upsert_group()
    return _known(lag(broker, topics.changelog(), group, from_start=True))


def _known(found: int | None) -> int:
    if found is None:
        raise JobError("no checkpoint was complete yet")
    return found


def _segments(plan: Plan) -> SegmentsVersion | None:
    if not plan.steered:
        return None
    standing = standing_of(plan)
    held = standing.held
    progress = StatusTopic(plan).progress(held.version, standing.started_at)
    return SegmentsVersion(held.version, held.at, held.by, progress)


def _input(plan: Plan) -> InputStatus | None:
    if not plan.steered:
        return None
    return StatusTopic(plan).input(standing_of(plan).started_at)
