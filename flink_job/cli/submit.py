"""`flockwise submit`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from flink_job.cli.run import Apply, ConfigPath, Remove, console, plan_of
from flink_job.cli.steps import steps
from flink_job.jobs import anew, preflight
from flink_job.jobs.submit import Submission, jobs_of, prepare_client, savepoint_uri, without_store
from flink_job.leases.lease import HeldLease, Place, leased
from flink_job.runtime.address import rest_address
from flink_job.runtime.cluster_check import check_cluster, checkpoints_of
from flink_job.runtime.progress import OnStep
from flink_job.runtime.rest import FlinkRest
from operators.base.errors import UsageError


class _Only(StrEnum):
    SEGMENT = "segment"
    UPSERT = "upsert"


def submit(
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
    only: Annotated[_Only | None, typer.Option(help="Just this job.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="End what an earlier start has put out, begin anew.")
    ] = False,
    apply: Apply = False,
    remove: Remove = False,
) -> None:
    """Submit both jobs to a running Flink cluster, and see them start."""
    plan = plan_of(config)
    kinds = jobs_of(plan, only.value if only else None)
    rest = FlinkRest(*rest_address(address, os.environ))
    if "upsert" not in kinds:
        plan = without_store(plan)
    jobs = [Submission(plan, kind, rest, apply, remove) for kind in kinds]
    if fresh and savepoint is not None:
        raise UsageError("--fresh begins anew, --savepoint goes on: give one of them")
    _submit(jobs, savepoint_uri(savepoint), fresh=fresh)
    typer.echo(f"Look at a user:  flockwise lookup {shlex.quote(str(config))} USER")


def _submit(jobs: Sequence[Submission], savepoint: str | None, *, fresh: bool) -> None:
    """Submit one after the other; the first goes on from the savepoint."""
    plan, rest = jobs[0].plan, jobs[0].rest
    with ExitStack() as held, steps(console) as step:
        for job in jobs:
            held.enter_context(job.folder.locked())
        step("checking what the jobs need")
        preflight.check(plan, fresh=fresh)
        lease = held.enter_context(_lease(jobs[0], step))
        check_cluster(rest, {job.name: job.slots for job in jobs})
        checkpoints = checkpoints_of(rest, plan.config.run.checkpoints)
        if lease is not None and savepoint is None:
            step("looking at what an earlier start has put out")
            _begin_anew(jobs[0], fresh=fresh)
        prepare_client(plan, preflight.connector_jars(plan, step))
        for job in jobs:
            step(f"starting '{job.name}'")
            state = savepoint if job is jobs[0] else None
            _tell(job, job.submit(checkpoints, state, lease.lease if lease else None))
            if lease is not None:
                lease.kept_by_job = True  # from its first heartbeat on, which is about to come


def _lease(first: Submission, step: OnStep) -> AbstractContextManager[HeldLease | None]:
    """The lease of the `segment` job; `upsert` by itself needs none."""
    if first.kind != "segment":
        return nullcontext()
    return leased(first.plan, Place.on(first.rest, first.name), step)


def _begin_anew(job: Submission, *, fresh: bool) -> None:
    """End what an earlier start has put out, if that was said; else there must be nothing."""
    if fresh:
        anew.clear(job.plan, lambda _: None)
        return
    left = job.rest.last_state(job.name)
    try:
        anew.check_nothing_left(job.plan, lambda _: None)
    except UsageError as error:
        raise UsageError(
            f"{error}" + (f"; its state: --savepoint {left}" if left else "")
        ) from None
    if left is not None:
        console.print(
            f"[yellow]![/] an earlier '{escape(job.name)}' left its state, and this one begins "
            f"anew; to go on from there: --savepoint {escape(left)}",
            soft_wrap=True,
        )


def _tell(job: Submission, found: str) -> None:
    page = f"http://{job.rest.host}:{job.rest.port}/#/job/running/{found}/overview"
    typer.echo(f"'{job.name}' is at work: job {found}\n  {page}")
