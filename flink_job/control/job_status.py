"""How the jobs of a plan are, wherever they run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flink_job.control.whereabouts import (
    JobHere,
    JobOnCluster,
    here,
    jobs_wanted,
    may_be_on_a_cluster,
    on_cluster,
)
from flink_job.plan import JobKind, Plan
from flink_job.runtime.job_facts import CheckpointFacts, JobFacts, JobState, facts_of
from flink_job.runtime.kept_state import complete_us
from flink_job.runtime.rest import ClusterJob, FlinkRest
from operators.base.errors import FlockwiseError, JobError
from operators.base.moments import iso_at

_HERE = "here"


class JobStatus(msgspec.Struct, frozen=True):
    """A job: how it is, where ("here", or host:port of a cluster), and since when (ISO 8601).

    What is not known, or not so, is None. `kept` is the state that it left where it does not run.
    """

    job: JobKind
    name: str
    state: JobState
    where: str | None = None
    since: str | None = None
    pid: int | None = None
    rest: str | None = None
    id: str | None = None
    flink: JobFacts | None = None
    kept: CheckpointFacts | None = None

    @property
    def good(self) -> bool:
        """Whether it runs, and its checkpoints succeed; or it has come to its end."""
        failing = self.flink is not None and self.flink.checkpoints.failing is not None
        return self.state is JobState.ENDED or (self.state is JobState.RUNNING and not failing)


def job_statuses(plan: Plan, rest: FlinkRest | None) -> tuple[list[JobStatus], str | None]:
    """How each job that should run is, everywhere where it runs; and why a cluster is not known.

    `rest` is the cluster to ask, None if there is none.
    """
    kinds = jobs_wanted(plan)
    found, why = list[JobOnCluster](), None
    if rest is not None and may_be_on_a_cluster(plan):
        try:
            found = on_cluster(plan, kinds, rest)
        except JobError as error:
            why = str(error)
    clustered = {each.kind: each for each in found}
    statuses = [
        status for kind in kinds for status in _of_kind(plan, kind, clustered.get(kind), why)
    ]
    return statuses, why


def _of_kind(
    plan: Plan, kind: JobKind, clustered: JobOnCluster | None, why: str | None
) -> Iterator[JobStatus]:
    """Where it runs; where it ran last if it runs nowhere."""
    own = here(plan, kind)
    if own is not None:
        yield _here(plan, own)
    if clustered is not None and (own is None or not clustered.job.over):
        yield _clustered(plan, clustered)
    if own is None and clustered is None:
        yield _nowhere(plan, kind, unknown=why is not None)


def _here(plan: Plan, own: JobHere) -> JobStatus:
    facts = _facts(own.rest, own.job)
    return JobStatus(
        own.kind,
        plan.job_name(own.kind),
        facts.state if facts else JobState.STARTING,
        _HERE,
        facts.since if facts else own.holder.since,
        own.holder.process.pid,
        f"{own.rest.host}:{own.rest.port}" if own.rest else None,
        own.job.id if own.job else None,
        facts,
    )


def _clustered(plan: Plan, found: JobOnCluster) -> JobStatus:
    facts = _facts(found.rest, found.job)
    return JobStatus(
        found.kind,
        plan.job_name(found.kind),
        facts.state if facts else JobState.UNKNOWN,
        found.address,
        facts.since if facts else None,
        rest=found.address,
        id=found.job.id,
        flink=facts,
    )


def _nowhere(plan: Plan, kind: JobKind, *, unknown: bool) -> JobStatus:
    folder, name = plan.job_folder(kind), plan.job_name(kind)
    if plan.config.bounded and _ended(plan):
        return JobStatus(kind, name, JobState.ENDED, _HERE)
    state = JobState.UNKNOWN if unknown else JobState.NOT_RUNNING
    last = folder.last_state()
    if last is None:
        return JobStatus(kind, name, state)
    at = iso_at(complete_us(last))
    return JobStatus(kind, name, state, kept=CheckpointFacts(at, path=str(last)))


def _ended(plan: Plan) -> bool:
    try:
        note = plan.folder.note()
    except FlockwiseError:
        return False
    return note is not None and note.ended


def _facts(rest: FlinkRest | None, job: ClusterJob | None) -> JobFacts | None:
    """What Flink says of a job; None while it begins, or ends."""
    if rest is None or job is None:
        return None
    try:
        return facts_of(rest, job)
    except (JobError, KeyError):
        return None
