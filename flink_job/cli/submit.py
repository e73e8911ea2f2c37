"""`flockwise submit`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from flink_job.cli.amounts import time_text
from flink_job.cli.run import Apply, ConfigPath, Remove, TakeStore, console, plan_of
from flink_job.cli.steps import steps
from flink_job.jobs import anew, preflight
from flink_job.jobs.going_on import check_newest
from flink_job.jobs.submit import Submission, jobs_of, prepare_client, without_store
from flink_job.leases.fencing import shut_out_others
from flink_job.leases.lease import HeldLease, Place, leased
from flink_job.plan import JobKind
from flink_job.runtime.address import rest_address
from flink_job.runtime.cluster_check import check_cluster, checkpoints_of, savepoints_of
from flink_job.runtime.kept_state import KeptState, as_uri, job_folder, newest_state, state_at
from flink_job.runtime.progress import OnStep
from flink_job.runtime.rest import FlinkRest
from operators.base.durations import US_PER_UNIT
from operators.base.errors import UsageError
from operators.base.moments import now_us


class _Only(StrEnum):
    SEGMENT = "segment"
    UPSERT = "upsert"


def submit(  # noqa: PLR0913, PLR0917 - its options
    config: ConfigPath,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="The cluster's REST interface, if not FLINK_CONF_DIR's."
        ),
    ] = None,
    savepoint: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Savepoint or checkpoint to go on from: of `segment`, unless --only says upsert.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the newest savepoint or checkpoint of each job, if any."
        ),
    ] = False,
    only: Annotated[_Only | None, typer.Option(help="Just this job.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="End what an earlier start has put out, begin anew.")
    ] = False,
    take_store: TakeStore = False,
    apply: Apply = False,
    remove: Remove = False,
) -> None:
    """Submit both jobs to a running Flink cluster, and see them start."""
    if (savepoint is not None) + resume + fresh > 1:
        raise UsageError("expected one of --resume, --fresh and the --savepoint to go on from")
    if fresh and only is _Only.UPSERT:
        raise UsageError("--fresh is for `segment`: `upsert` begins with the oldest record anyway")
    plan = plan_of(config)
    kinds = jobs_of(plan, only.value if only else None)
    rest = FlinkRest(*rest_address(address, os.environ))
    if "upsert" not in kinds:
        plan = without_store(plan)
    jobs = [Submission(plan, kind, rest, apply, remove) for kind in kinds]
    start = _Start(as_uri(savepoint) if savepoint is not None else None, resume, fresh, take_store)
    _submit(jobs, start)
    typer.echo(f"Look at a user:  flockwise lookup {shlex.quote(str(config))} USER")


@dataclass(frozen=True)
class _Start:
    """How to begin: the first job from a savepoint, each from its newest state, or afresh."""

    savepoint: str | None
    resume: bool
    fresh: bool
    take_store: bool


def _submit(jobs: Sequence[Submission], start: _Start) -> None:
    """Submit one after the other."""
    plan, rest = jobs[0].plan, jobs[0].rest
    with ExitStack() as held, steps(console) as step:
        for job in jobs:
            held.enter_context(job.folder.locked())
        step("checking what the jobs need")
        preflight.check(plan)
        lease = held.enter_context(_lease(jobs[0], start, step))
        preflight.own_store(plan, take=start.take_store)
        check_cluster(rest, {job.name: job.slots for job in jobs})
        checkpoints = checkpoints_of(rest, plan.config.run.checkpoints)
        states = _states(jobs, checkpoints, start, lease.lease.anew_us if lease else 0)
        if lease is not None:
            step("looking at what an earlier start has put out")
            state = states.get("segment")
            shut_out_others(plan, lease.lease, but_open=state is not None)
            if state is None:
                _begin_anew(jobs[0], start, lease.check)
            else:
                _check_newest(jobs[0], state)
        prepare_client(plan, preflight.connector_jars(plan, step))
        for job in jobs:
            step(f"starting '{job.name}'")
            state = states.get(job.kind)
            folder, uri = _folder(checkpoints, job), state.uri if state else None
            _tell(job, job.submit(folder, uri, lease.lease if lease else None))
            if lease is not None:
                lease.kept_by_job = True  # from its first heartbeat on, which is about to come


def _states(
    jobs: Sequence[Submission], checkpoints: str, start: _Start, anew_us: int
) -> dict[JobKind, KeptState | None]:
    """What each job goes on from: `segment` from nothing that is older than its last new begin."""
    if start.resume:
        since = {"segment": anew_us}
        return {job.kind: _newest(job, checkpoints, since.get(job.kind, 0)) for job in jobs}
    given = start.savepoint
    return {jobs[0].kind: None if given is None else _given(jobs[0], given)}


def _given(job: Submission, uri: str) -> KeptState:
    """The state that a person names; of one that nobody here knows, its age is unknown: 0."""
    left = job.rest.last_state(job.name)
    if left is not None and left.uri == uri:
        return left
    return state_at(uri) or KeptState(uri, 0)


def _check_newest(job: Submission, state: KeptState) -> None:
    """Make sure that the job has not gone on since, as far as the age of the state is known."""
    if state.at_us:
        check_newest(job.plan, state.uri, state.at_us)
    else:
        _warn(
            f"how old {state.uri} is can't be seen from here: if it is not the newest of "
            f"'{job.name}', what came after it is put out again"
        )


def _folder(base: str, job: Submission) -> str:
    return job_folder(base, job.plan.config.name, job.kind)


def _newest(job: Submission, checkpoints: str, since_us: int) -> KeptState | None:
    """The state that a job goes on from, which is told; None if it has left none."""
    bases = dict.fromkeys([checkpoints, savepoints_of(job.rest) or checkpoints])
    folders = [_folder(base, job) for base in bases]
    found = newest_state(folders, job.rest.last_state(job.name))
    if found is None or found.at_us < since_us:
        _warn(
            f"'{job.name}' begins anew: it has left no state in {' or '.join(folders)}, or "
            "none that is newer than its last new beginning"
        )
        return None
    age = time_text((now_us() - found.at_us) / US_PER_UNIT["s"])
    said = f"'{job.name}' goes on from the {found.kind} of {age} ago: {found.uri}"
    console.print(escape(said), highlight=False, soft_wrap=True)
    return found


def _lease(
    first: Submission, start: _Start, step: OnStep
) -> AbstractContextManager[HeldLease | None]:
    """The lease of the `segment` job; `upsert` by itself needs none."""
    if first.kind != "segment":
        return nullcontext()
    resumes = start.resume or start.savepoint is not None
    place = Place.on(first.rest, first.name, resumes=resumes)
    return leased(first.plan, place, step)


def _begin_anew(job: Submission, start: _Start, may_go_on: Callable[[], None]) -> None:
    """End what an earlier start has put out, if that was said; else there must be nothing."""
    if start.fresh:
        anew.clear(job.plan, lambda _: None, may_go_on)
        return
    # What --resume has just refused is no advice.
    left = None if start.resume else job.rest.last_state(job.name)
    try:
        anew.check_nothing_left(job.plan, lambda _: None)
    except UsageError as error:
        raise UsageError(
            f"{error}" + (f"; its state: --savepoint {left.uri}" if left else "")
        ) from None
    if left is not None:
        _warn(
            f"an earlier '{job.name}' left its state, and this one begins anew; to go on from "
            f"there: --savepoint {left.uri}"
        )


def _tell(job: Submission, found: str) -> None:
    page = f"http://{job.rest.host}:{job.rest.port}/#/job/running/{found}/overview"
    typer.echo(f"'{job.name}' is at work: job {found}\n  {page}")


def _warn(text: str) -> None:
    console.print(f"[yellow]![/] {escape(text)}", highlight=False, soft_wrap=True)
