"""What other segments would come to: told by the running job, or by a replay of files."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from uuid import uuid4

import msgspec

from flink_job.config.model import Output
from flink_job.control.status import StatusTopic
from flink_job.control.steering import Steering
from flink_job.plan import Plan
from flink_job.queries.users import view
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.control.messages import Preview
from operators.contracts.records import Counts
from operators.rules.spec import SegmentSpec

Memberships = Mapping[str, Collection[str]]  # user -> segments
Answer = Callable[[], dict[str, Counts] | None]  # None until it is there


def asked(plan: Plan, segments: Mapping[str, SegmentSpec]) -> Answer:
    """Ask the running job, which judges everyone as of now; gives what looks for its answer.

    Raises:
        PreflightError: Kafka does not answer.
    """
    question = Preview(uuid4().hex, dict(segments))
    Steering(plan).ask(question)
    status = StatusTopic(plan)
    return lambda: status.answer(question.id)


def replayed(plan: Plan) -> Mapping[str, SegmentSpec]:
    """The segments of the last run over files.

    Raises:
        UsageError: there was none, or events are no files.
    """
    if plan.paths.files() is None:
        raise UsageError("expected a job that runs, or files to replay")
    noted = plan.folder.note()
    if noted is None:
        raise UsageError(f"there is nothing to compare with: no run was in {plan.folder.path} yet")
    return noted.segments


def by_replay(
    plan: Plan, segments: Mapping[str, SegmentSpec], run: Callable[[Plan], object], folder: Path
) -> dict[str, Counts]:
    """Have the files `run` with these segments, beside, and compare with what the last run said.

    What the run leaves is in `folder` until it is compared.

    Raises:
        UsageError: what it said is there no more.
        JobError: the replay failed.
    """
    try:
        before = _memberships(plan)
    except FlockwiseError as error:
        raise UsageError(f"there is nothing to compare with: {error}") from None
    with tempfile.TemporaryDirectory(prefix="preview-", dir=folder) as name:
        beside = _beside(plan, segments, Path(name))
        run(beside)
        after = _memberships(beside)
    return _compared(before, after, segments)


def _beside(plan: Plan, segments: Mapping[str, SegmentSpec], folder: Path) -> Plan:
    """The same run with other segments, and where it leaves what it finds."""
    run = msgspec.structs.replace(plan.config.run, state=str(folder / "state"))
    config = msgspec.structs.replace(
        plan.config,
        segments=dict(segments),
        run=run,
        output=Output(folder=str(folder / "changelog")),
        store=None,
    )
    return Plan(config, plan.base)


def _memberships(plan: Plan) -> Memberships:
    with view(plan, lambda records: records) as told:
        return {each.user: set(each.segments) for each in told.assignments()}


def _compared(
    before: Memberships, after: Memberships, segments: Iterable[str]
) -> dict[str, Counts]:
    enter, leave, stay = Counter[str](), Counter[str](), Counter[str]()
    for user in {**before, **after}:
        was, is_ = set(before.get(user, ())), set(after.get(user, ()))
        enter.update(is_ - was)
        leave.update(was - is_)
        stay.update(was & is_)
    names = dict.fromkeys([*segments, *sorted({*leave, *stay})])
    return {name: Counts(enter[name], leave[name], stay[name]) for name in names}
