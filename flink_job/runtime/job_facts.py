"""What Flink knows of one of its jobs: how it is, its checkpoints, its failures."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from flink_job.runtime.rest import ClusterJob, FlinkRest, reason
from operators.base.moments import iso_at

_US_PER_MS: Final = 1_000


class JobState(StrEnum):
    """How a job is."""

    RUNNING = "running"
    STARTING = "starting"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    FAILED = "failed"
    ENDED = "ended"  # a bounded run has come to its end
    NOT_RUNNING = "not running"
    UNKNOWN = "unknown"


class CheckpointFacts(msgspec.Struct, frozen=True):
    """A checkpoint that is complete since a moment (ISO 8601): its size, and how long it took.

    Of one that is known by its folder alone, neither is known.
    """

    at: str
    bytes: int | None = None
    took_ms: int | None = None
    path: str | None = None


class CheckpointHistory(msgspec.Struct, frozen=True):
    """The checkpoints of a job: how many, the last complete one, and why newer ones fail."""

    completed: int
    failed: int
    last: CheckpointFacts | None = None
    failing: str | None = None


class FailureFacts(msgspec.Struct, frozen=True):
    """A failure at a moment (ISO 8601), and the innermost cause in one line."""

    at: str
    reason: str


class JobFacts(msgspec.Struct, frozen=True):
    """A job of Flink: at work, or over, since a moment (ISO 8601), restarts, the last failure."""

    state: JobState
    since: str
    checkpoints: CheckpointHistory
    restarts: int
    failure: FailureFacts | None = None


def facts_of(rest: FlinkRest, job: ClusterJob) -> JobFacts:
    """What Flink knows of a job.

    Raises:
        JobError: the cluster does not answer, or no longer knows the job.
    """
    path = f"/jobs/{job.id}"
    failures = rest.failures(job.id)
    # Flink keeps the newest failures alone, and the first to ask for a metric gets none.
    counted = rest.get(f"{path}/metrics?get=numRestarts")
    restarts = max([int(metric["value"]) for metric in counted] + [len(failures)])
    all_run = rest.runs(job.id)
    return JobFacts(
        state_of(job.state, all_run=all_run, restarts=restarts),
        _iso(job.since_ms),
        history_of(rest.get(f"{path}/checkpoints")),
        restarts,
        FailureFacts(_iso(failures[0].at_ms), failures[0].reason) if failures else None,
    )


def state_of(said: str, *, all_run: bool, restarts: int) -> JobState:
    """How a job is, by what Flink says: RUNNING is a job, too, whose tasks are not there yet."""
    if said == "RUNNING" and all_run:
        return JobState.RUNNING
    if said in ("FAILING", "RESTARTING") or (said == "RUNNING" and restarts):
        return JobState.RESTARTING
    if said in ("RUNNING", "INITIALIZING", "CREATED", "RECONCILING"):
        return JobState.STARTING
    if said == "CANCELLING":
        return JobState.STOPPING
    return JobState.FAILED if said == "FAILED" else JobState.NOT_RUNNING


def history_of(said: Any) -> CheckpointHistory:
    """The checkpoints, by the answer of Flink."""
    counts, latest = said["counts"], said["latest"]
    complete = [latest[kind] for kind in ("completed", "savepoint") if latest.get(kind)]
    last = max(complete, key=lambda each: int(each["latest_ack_timestamp"]), default=None)
    failed = latest.get("failed")
    failing = failed is not None and (
        last is None or failed["failure_timestamp"] > last["latest_ack_timestamp"]
    )
    return CheckpointHistory(
        counts["completed"],
        counts["failed"],
        _checkpoint(last) if last else None,
        reason(failed["failure_message"] or "no reason is given") if failing else None,
    )


def _checkpoint(said: Any) -> CheckpointFacts:
    path = said.get("external_path")
    return CheckpointFacts(
        _iso(said["latest_ack_timestamp"]),
        said["state_size"],
        said["end_to_end_duration"],
        None if said.get("discarded") else path,
    )


def _iso(moment_ms: int) -> str:
    return iso_at(int(moment_ms) * _US_PER_MS)
