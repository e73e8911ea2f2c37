"""Stopping the jobs of a plan wherever they run, so that they can go on from there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from flink_job.control.whereabouts import JobHere, JobOnCluster
from flink_job.plan import JobKind, Plan
from flink_job.runtime.cluster_check import checkpoints_of, savepoints_of
from flink_job.runtime.kept_state import as_uri, job_folder, newest_state
from flink_job.runtime.rest import FlinkRest
from operators.base.errors import JobError, UsageError

_WITHIN_S: Final = 300.0
_POLL_S: Final = 0.2

_T = TypeVar("_T")


@dataclass(frozen=True)
class Stopped:
    """A job that has stopped: the URI of the state that it left, and of the folder for it.

    The state is None where there is none, or the folder can't be looked into from here.
    """

    kind: JobKind
    name: str
    here: bool
    state: str | None
    folder: str


def stop_here(plan: Plan, found: JobHere) -> Stopped:
    """Have a run on this machine stop as by Ctrl-C, and wait until its process has ended.

    Raises:
        JobError: it is somebody else's process, or it did not end in time.
    """
    name, process = plan.job_name(found.kind), found.holder.process
    try:
        process.interrupt()
    except PermissionError:
        raise JobError(f"'{name}' is process {process.pid} of another user") from None
    folder = plan.job_folder(found.kind)
    _waited(lambda: folder.holder() != found.holder or None, f"'{name}' (process {process.pid})")
    left = folder.last_state()
    state = None if left is None else left.as_uri()
    return Stopped(found.kind, name, here=True, state=state, folder=folder.path.as_uri())


def stop_on_cluster(plan: Plan, found: JobOnCluster, savepoints: str | None) -> Stopped:
    """Stop a job with a savepoint in its folder below a place, and wait until it has ended.

    The place is the cluster's, or that of checkpoints, unless it is given.

    Raises:
        JobError: the savepoint failed, and the job runs on; or the cluster does not answer.
        PreflightError: there is no place for a savepoint.
    """
    rest, job, name = found.rest, found.job, found.job.name
    base = as_uri(savepoints) if savepoints else _place(plan, rest)
    folder = job_folder(base, plan.config.name, found.kind)
    request = rest.stop(job.id, folder)
    try:
        state = _waited(lambda: rest.savepoint(job.id, request), f"the savepoint of '{name}'")
    except JobError as error:
        raise JobError(
            f"'{name}': {error}; --no-savepoint cancels it, and its last checkpoint stays"
        ) from None
    _see_end(found)
    return Stopped(found.kind, name, here=False, state=state, folder=folder)


def cancel(plan: Plan, found: JobOnCluster) -> Stopped:
    """Cancel a job as it stands, and wait until it has ended: its last checkpoint stays.

    Raises:
        JobError: the cluster does not answer.
    """
    rest, job = found.rest, found.job
    checkpoints = checkpoints_of(rest, plan.config.run.checkpoints)
    rest.cancel(job.id)
    _see_end(found)
    folder = job_folder(checkpoints, plan.config.name, found.kind)
    # What Flink says of checkpoints is some seconds old, so the folder is asked.
    try:
        left = newest_state([folder], None)
    except UsageError:
        left = None
    state = None if left is None else left.uri
    return Stopped(found.kind, job.name, here=False, state=state, folder=folder)


def _place(plan: Plan, rest: FlinkRest) -> str:
    return savepoints_of(rest) or checkpoints_of(rest, plan.config.run.checkpoints)


def _see_end(found: JobOnCluster) -> None:
    def over() -> bool | None:
        return any(job.id == found.job.id and job.over for job in found.rest.jobs()) or None

    _waited(over, f"'{found.job.name}'")


def _waited(look: Callable[[], _T | None], what: str) -> _T:
    """What a look finds, once it finds anything."""
    give_up_s = time.monotonic() + _WITHIN_S
    while (seen := look()) is None:
        if time.monotonic() > give_up_s:
            raise JobError(f"{what} did not come to its end within {_WITHIN_S:.0f} s")
        time.sleep(_POLL_S)
    return seen
