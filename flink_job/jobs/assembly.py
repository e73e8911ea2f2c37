"""Jobs of a plan made ready for Flink, in this one place, whether they run here or on a cluster.

A new kind of job is a function that assembles it, a line in `RECIPES`, and its `Tuning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from flink_job.control.steering import Standing, Steering
from flink_job.job import define_segment_job, define_upsert_job
from flink_job.jobs import parts
from flink_job.jobs.ledger import ledger_sink
from flink_job.jobs.tuning import (
    BACKEND_HERE,
    BACKEND_ON_A_CLUSTER,
    UPSERT,
    Tuning,
    segment_tuning,
)
from flink_job.plan import JobKind, Plan
from flink_job.runtime.environment import Environment, Flink, prepare_process, spread_lanes
from flink_job.runtime.run_folder import RunFolder
from flink_job.runtime.running import (
    HOST,
    Define,
    FlinkEndedError,
    Outcome,
    Watch,
    free_port,
    run,
)
from flink_job.stores.owned import OpenOwned
from operators.base.errors import JobError, UsageError
from operators.clustering.final_model import FinalModel
from operators.contracts.leases import Lease


@dataclass(frozen=True)
class Job:
    """A job that is ready for Flink: what can be wrong with what it is made of, has shown.

    It takes `slots`, its parallelism. `define` declares it in an environment; `accepted` is to be
    called once Flink has taken it.
    """

    plan: Plan
    kind: JobKind
    tuning: Tuning
    slots: int
    define: Define
    accepted: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        """Its name in Flink."""
        return self.plan.job_name(self.kind)

    def run(
        self,
        folder: RunFolder,
        jars: Sequence[Path],
        restore_from: Path | None,
        watch: Watch,
        cluster: tuple[str, int] | None = None,
    ) -> Outcome:
        """Run it here to its end, or until it is stopped.

        It gets a mini-cluster of its own, or takes the one at `cluster`: host and port.

        Raises:
            JobError: it failed.
        """
        prepare_process(folder.logs, jars, self.kind)
        flink = self.here(folder, jars, restore_from)
        if cluster:
            flink = replace(flink, rest_port=None, rest_address=cluster)
        folder.note_rest(*(flink.rest_address or (HOST, flink.rest_port or 0)))
        told = replace(watch, accepted=self.accepted)
        try:
            return run(self.name, flink, self.define, folder.savepoints, told)
        except FlinkEndedError as ended:
            raise JobError(f"{ended}; {self._safe(folder)}") from None

    def _safe(self, folder: RunFolder) -> str:
        """What is not lost with the JVM, and how to go on."""
        state = folder.last_state()
        if self.kind == "upsert":
            return "what the store has is safe, and `upsert` goes on from there when it is started"
        if state is None:
            return "there was no checkpoint yet, so nothing was committed: --resume begins anew"
        return (
            f"what is committed is safe, and the last checkpoint, {state.name}: "
            "--resume goes on from there"
        )

    def here(self, folder: RunFolder, jars: Sequence[Path], restore_from: Path | None) -> Flink:
        """How it runs in this process, with its state in a folder."""
        backend = self.tuning.backend_here or self.plan.config.run.backend or BACKEND_HERE
        return replace(
            self._flink(folder.checkpoints.as_uri(), backend),
            restore_from=restore_from,
            rest_port=free_port(),
            jars=jars,
        )

    def on_a_cluster(
        self, address: tuple[str, int], checkpoints: str, savepoint: str | None
    ) -> Flink:
        """How it runs on the cluster at an address; the others are URIs."""
        backend = self.plan.config.run.backend or BACKEND_ON_A_CLUSTER
        return replace(
            self._flink(checkpoints, backend),
            rest_address=address,
            more={"execution.state-recovery.path": savepoint} if savepoint else {},
        )

    def _flink(self, checkpoints: str, backend: str) -> Flink:
        return Flink(
            checkpoints=checkpoints,
            checkpoint_ms=self.tuning.checkpoint_ms(self.plan.config.run),
            parallelism=self.slots,
            backend=backend,
            restarts=self.tuning.restarts,
            endless=self.tuning.endless,
        )


class Assemble(Protocol):
    """Makes a job to submit."""

    def __call__(
        self, plan: Plan, *, apply: bool, remove: bool, fresh: bool, lease: Lease | None
    ) -> Job:
        """With `apply` the plan's segments hold from now on; a `fresh` job has no savepoint.

        `remove` lets them hold though they lack some that the plan is not known to have had.
        """


@dataclass(frozen=True)
class JobRecipe:
    """How a kind of job is made: the slots it takes, where its state is here, and the job."""

    slots: Callable[[Plan], int]
    folder: Callable[[Plan], RunFolder]
    assemble: Assemble


def segment_job(
    plan: Plan,
    standing: Standing,
    *,
    fresh: bool,
    lease: Lease | None,
    as_of_us: int | None = None,
    given: Mapping[str, FinalModel] | None = None,
) -> Job:
    """The `segment` job by the segments that hold; a bounded one ends with a moment.

    One to which cluster models are `given` learns none.

    Raises:
        UsageError: an environment variable is not set.
        PreflightError: Kafka does not answer.
    """
    lanes = plan.config.run.lanes
    settings = replace(parts.settings(plan, as_of_us, standing.newest, lease), given=given)
    source, sink = parts.source(plan), parts.sink(plan, lease)
    control = parts.control(plan, standing.offset)
    ledger = ledger_sink(plan.folder.path) if plan.config.bounded else None

    def define(environment: Environment) -> None:
        keys = spread_lanes(lanes)
        define_segment_job(
            environment, settings, keys, source, sink, ledger=ledger, control=control
        )

    starting = Steering(plan).starting if plan.steered else _unsteered
    accepted = starting(fresh=fresh, lease=lease)
    return Job(plan, "segment", segment_tuning(plan.config), _segment_slots(plan), define, accepted)


def upsert_job(plan: Plan) -> Job:
    """The `upsert` job.

    Raises:
        UsageError: the configuration has no store, or its changelog is not in Kafka; or an
            environment variable is not set.
    """
    changelog, open_store = parts.changelog(plan), plan.store()
    if changelog is None or open_store is None:
        raise UsageError("expected a configuration with output.kafka and a store")

    def define(environment: Environment) -> None:
        open_owned = OpenOwned(open_store, plan.store_owner())
        define_upsert_job(environment, changelog, open_owned)

    return Job(plan, "upsert", UPSERT, _upsert_slots(plan), define)


def upsert_folder(plan: Plan) -> RunFolder:
    """Where the `upsert` job keeps its place in the changelog."""
    return plan.job_folder("upsert")


def _segment_slots(plan: Plan) -> int:
    return plan.config.run.parallelism


def _upsert_slots(_plan: Plan) -> int:
    return 1


def _unsteered(**_: object) -> Callable[[], None]:
    return lambda: None


def _submitted_segment(
    plan: Plan, *, apply: bool, remove: bool, fresh: bool, lease: Lease | None
) -> Job:
    standing = Steering(plan).settled(apply=apply, remove=remove)
    return segment_job(plan, standing, fresh=fresh, lease=lease)


def _submitted_upsert(plan: Plan, **_: object) -> Job:
    return upsert_job(plan)


RECIPES: Final[Mapping[JobKind, JobRecipe]] = {
    "segment": JobRecipe(_segment_slots, lambda plan: plan.folder, _submitted_segment),
    "upsert": JobRecipe(_upsert_slots, upsert_folder, _submitted_upsert),
}
