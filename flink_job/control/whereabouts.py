"""Where the jobs of a plan are: on this machine, by `flockwise run`, or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flink_job.plan import JobKind, Plan
from flink_job.runtime.rest import ClusterJob, FlinkRest
from flink_job.runtime.run_folder import Holder
from operators.base.errors import JobError


@dataclass(frozen=True)
class JobHere:
    """A job that runs in a process of this machine; `rest` and `job` are None before Flink is up.

    Its mini-cluster is for it alone.
    """

    kind: JobKind
    holder: Holder
    rest: FlinkRest | None
    job: ClusterJob | None


@dataclass(frozen=True)
class JobOnCluster:
    """The newest job of a name that a cluster knows, be it over or not."""

    kind: JobKind
    rest: FlinkRest
    job: ClusterJob

    @property
    def address(self) -> str:
        """host:port of the cluster."""
        return f"{self.rest.host}:{self.rest.port}"


def jobs_wanted(plan: Plan) -> list[JobKind]:
    """The jobs that should be at work: a run that ends brings the store up itself."""
    config = plan.config
    follows = config.store is not None and config.output.kafka is not None and not config.bounded
    return ["segment", "upsert"] if follows else ["segment"]


def may_be_on_a_cluster(plan: Plan) -> bool:
    """Whether `flockwise submit` takes the plan."""
    config = plan.config
    return not config.bounded and config.output.kafka is not None


def here(plan: Plan, kind: JobKind) -> JobHere | None:
    """A job of a plan that runs on this machine, None if it does not."""
    folder = plan.job_folder(kind)
    holder, noted = folder.holder(), folder.rest()
    if holder is None:
        return None
    if noted is None:
        return JobHere(kind, holder, None, None)
    rest = FlinkRest(noted.host, noted.port)
    try:
        job = _newest(rest.jobs(), plan.job_name(kind))
    except JobError:  # it begins, or ends
        job = None
    return JobHere(kind, holder, rest, job)


def on_cluster(plan: Plan, kinds: Sequence[JobKind], rest: FlinkRest) -> list[JobOnCluster]:
    """The jobs of a plan that a cluster knows.

    Raises:
        JobError: the cluster does not answer.
    """
    known = rest.jobs()
    found = {kind: _newest(known, plan.job_name(kind)) for kind in kinds}
    return [JobOnCluster(kind, rest, job) for kind, job in found.items() if job is not None]


def _newest(jobs: Sequence[ClusterJob], name: str) -> ClusterJob | None:
    """The job of a name that is not over, else the one that was over last."""
    own = [job for job in jobs if job.name == name]
    return max(own, key=lambda job: (not job.over, job.since_ms), default=None)
