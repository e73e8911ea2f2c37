"""What other segments would come to: told by the running job, or by a replay of files."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import msgspec

from flink_job.cli.progress import ticker
from flink_job.cli.run import console
from flink_job.config.model import Output
from flink_job.control.status import StatusTopic
from flink_job.control.steering import Steering
from flink_job.plan import Plan
from flink_job.queries.users import view
from operators.base.errors import FlockwiseError, JobError, UsageError
from operators.contracts.control.messages import Preview
from operators.contracts.records import Assignment, Counts
from operators.rules.spec import SegmentSpec

_POLL_S: Final = 0.3

_T = TypeVar("_T")
Memberships = Mapping[str, Collection[str]]  # user -> segments


def by_job(plan: Plan, segments: Mapping[str, SegmentSpec], wait_s: float) -> dict[str, Counts]:
    """Ask the running job, which judges everyone as of now.

    Raises:
        JobError: it does not answer in time.
        PreflightError: Kafka does not answer.
    """
    question = Preview(uuid4().hex, dict(segments))
    Steering(plan).ask(question)
    status = StatusTopic(plan)
    counts = waited(lambda: status.answer(question.id), wait_s, "asking the running job")
    if counts is None:
        raise JobError(f"no answer within {wait_s:g} s: is the job running?")
    return counts


def replayed(plan: Plan) -> Mapping[str, SegmentSpec]:
    """The segments of the last run over files.

    Raises:
        UsageError: there was none, or events are no files.
    """
    if plan.files() is None:
        raise UsageError("expected a job that runs, or files to replay")
    noted = plan.folder.note()
    if noted is None:
        raise UsageError(f"there is nothing to compare with: no run was in {plan.folder.path} yet")
    return noted.segments


def by_replay(plan: Plan, segments: Mapping[str, SegmentSpec], config: Path) -> dict[str, Counts]:
    """Run over the files with these segments, beside, and compare with what the last run said.

    Raises:
        UsageError: what it said is there no more.
        JobError: the replay failed.
    """
    from flink_job.cli.session import Session  # noqa: PLC0415 - PyFlink takes a second to import
    from flink_job.jobs.segment import Start  # noqa: PLC0415

    try:
        with view(plan, lambda words: words) as told:
            before = _memberships(told.assignments())
    except FlockwiseError as error:
        raise UsageError(f"there is nothing to compare with: {error}") from None
    with tempfile.TemporaryDirectory(prefix="flockwise-preview-") as name:
        beside = _beside(plan, segments, Path(name))
        Session(beside, config, console).run(Start(fresh=True))
        with view(beside, lambda words: words) as told:
            after = _memberships(told.assignments())
    return _compared(before, after, segments)


def waited(look: Callable[[], _T | None], seconds: float, what: str) -> _T | None:
    """Look again and again until something is there or the time is over."""
    give_up_s = time.monotonic() + seconds
    with ticker(console, what):
        while (found := look()) is None and time.monotonic() < give_up_s:
            time.sleep(_POLL_S)
    return found


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


def _memberships(assignments: Iterable[Assignment]) -> Memberships:
    return {each.user: set(each.segments) for each in assignments}


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
