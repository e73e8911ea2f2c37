"""`flockwise submit`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from flink_job.cli.run import Apply, ConfigPath, console, plan_of
from flink_job.cli.steps import steps
from flink_job.jobs import preflight
from flink_job.jobs.submit import Submission, jobs_of, prepare_client, savepoint_uri, without_store
from flink_job.runtime.address import rest_address
from flink_job.runtime.cluster_check import check_cluster, checkpoints_of
from flink_job.runtime.rest import FlinkRest


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
    apply: Apply = False,
) -> None:
    """Submit both jobs to a running Flink cluster, and see them start."""
    plan = plan_of(config)
    kinds = jobs_of(plan, only.value if only else None)
    rest = FlinkRest(*rest_address(address, os.environ))
    if "upsert" not in kinds:
        plan = without_store(plan)
    jobs = [Submission(plan, kind, rest, apply) for kind in kinds]
    _submit(jobs, savepoint_uri(savepoint))
    typer.echo(f"Look at a user:  flockwise lookup {shlex.quote(str(config))} USER")


def _submit(jobs: Sequence[Submission], savepoint: str | None) -> None:
    """Submit one after the other; the first goes on from the savepoint."""
    plan, rest = jobs[0].plan, jobs[0].rest
    with ExitStack() as held, steps(console) as step:
        for job in jobs:
            held.enter_context(job.folder.locked())
        step("checking what the jobs need")
        check_cluster(rest, {job.name: job.slots for job in jobs})
        checkpoints = checkpoints_of(rest, plan.config.run.checkpoints)
        preflight.check(plan)
        if savepoint is None:
            _tell_of_state_left(jobs[0])
        prepare_client(plan, preflight.connector_jars(plan, step))
        for job in jobs:
            step(f"starting '{job.name}'")
            _tell(job, job.submit(checkpoints, savepoint if job is jobs[0] else None))


def _tell(job: Submission, found: str) -> None:
    page = f"http://{job.rest.host}:{job.rest.port}/#/job/running/{found}/overview"
    typer.echo(f"'{job.name}' is at work: job {found}\n  {page}")


def _tell_of_state_left(job: Submission) -> None:
    left = job.rest.last_state(job.name)
    if left is not None:
        console.print(
            f"[yellow]![/] an earlier '{escape(job.name)}' left its state, and this one begins "
            f"anew; to go on from there: --savepoint {escape(left)}",
            soft_wrap=True,
        )
