"""`flockwise status` and `stop`: whether the jobs of a configuration are well, and their end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.status_lines import StatusLines
from flink_job.cli.steps import steps
from flink_job.control import stops
from flink_job.control.plan_status import status_of
from flink_job.control.stops import Stopped
from flink_job.control.whereabouts import here, may_be_on_a_cluster, on_cluster
from flink_job.plan import JobKind, Plan
from flink_job.runtime.address import rest_address
from flink_job.runtime.kept_state import is_here
from flink_job.runtime.progress import OnStep
from flink_job.runtime.rest import FlinkRest
from operators.base.errors import JobError
from operators.base.moments import now_us

_KINDS: Sequence[JobKind] = ("segment", "upsert")
_NO_ADDRESS = "no cluster was asked: --address or FLINK_CONF_DIR says where one is"

Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="The cluster's REST interface, if not FLINK_CONF_DIR's."
    ),
]


def status(
    config: ConfigPath,
    address: Address = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say how the jobs are, here and on a cluster, what is behind, and what holds.

    The exit code is 0 if all that should run does, and its checkpoints succeed; else 1.
    """
    plan = plan_of(config)
    found = status_of(plan, _cluster(plan, address))
    if as_json:
        write_lines([json_line({**msgspec.structs.asdict(found), "good": found.good})])
    else:
        write_lines(StatusLines(found, now_us()).all())
    if not found.good:
        raise typer.Exit(1)


def stop(
    config: ConfigPath,
    address: Address = None,
    savepoint: Annotated[
        bool, typer.Option(help="On a cluster: with a savepoint, or by cancelling it.")
    ] = True,
    savepoint_dir: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where savepoints go, if not where the cluster says."),
    ] = None,
) -> None:
    """Stop the jobs wherever they run, and say how to go on from there."""
    plan = plan_of(config)
    rest = _cluster(plan, address)
    count = 0
    with steps(console) as step:
        for stopped in _stop(plan, rest, step, savepoint, savepoint_dir):
            count += 1
            _tell(stopped, config, named=savepoint_dir is not None)
    if not count:
        where = f"or at {rest.host}:{rest.port}" if rest else f"and {_NO_ADDRESS}"
        raise JobError(f"nothing of '{plan.config.name}' runs here, {where}")


def _cluster(plan: Plan, address: str | None) -> FlinkRest | None:
    """The cluster that `submit` talks to, None if nobody says where one is, or it takes no such
    plan."""
    if address is None and (not os.environ.get("FLINK_CONF_DIR") or not may_be_on_a_cluster(plan)):
        return None
    return FlinkRest(*rest_address(address, os.environ))


def _stop(
    plan: Plan, rest: FlinkRest | None, step: OnStep, savepoint: bool, savepoints: str | None
) -> Iterator[Stopped]:
    for kind in _KINDS:  # a run ends the `upsert` beside it
        own = here(plan, kind)
        if own is not None:
            step(f"stopping '{plan.job_name(kind)}' here, process {own.holder.process.pid}")
            yield stops.stop_here(plan, own)
    if rest is None:
        return
    # Kafka's client takes a while to import.
    from flink_job.leases.given_up import given_up  # noqa: PLC0415

    for found in on_cluster(plan, _KINDS, rest):
        if not found.job.over:
            step(f"stopping '{found.job.name}' at {found.address}, job {found.job.id}")
            with given_up(plan, found.address) if found.kind == "segment" else nullcontext():
                if savepoint:
                    stopped = stops.stop_on_cluster(plan, found, savepoints)
                else:
                    stopped = stops.cancel(plan, found)
            yield stopped


def _tell(stopped: Stopped, config: Path, *, named: bool) -> None:
    left = stopped.state or f"in {stopped.folder}, if it came to make any"
    said = escape(f"'{stopped.name}' has stopped; its state is {left}")
    console.print(f"[green]✓[/] {said}", highlight=False, soft_wrap=True)
    typer.echo(f"  to go on:  {_going_on(stopped, shlex.quote(str(config)), named=named)}")


def _going_on(stopped: Stopped, config: str, *, named: bool) -> str:
    """The command that goes on; `submit --resume` finds what lies in the usual place."""
    if stopped.here:
        return f"flockwise {'run --resume' if stopped.kind == 'segment' else 'upsert'} {config}"
    if stopped.state is not None and is_here(stopped.state) and not named:
        return f"flockwise submit {config} --resume"
    state = shlex.quote(stopped.state) if stopped.state else f"{stopped.folder}/..."
    return f"flockwise submit {config} --only {stopped.kind} --savepoint {state}"
