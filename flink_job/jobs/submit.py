"""Submits a job of a plan to a running cluster and sees it start."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from py4j.protocol import Py4JError
from pyflink.util.java_utils import add_jars_to_context_class_loader

from flink_job.jobs.assembly import RECIPES
from flink_job.plan import JobKind, Plan
from flink_job.runtime import gateway
from flink_job.runtime.environment import Environment, prepare_process
from flink_job.runtime.graph import start
from flink_job.runtime.rest import FlinkRest
from flink_job.runtime.run_folder import RunFolder
from flink_job.runtime.running import cause
from operators.base.errors import JobError, UsageError
from operators.contracts.leases import Lease

_AT_WORK_WITHIN_S: Final = 180.0
_POLL_S: Final = 0.5


@dataclass(frozen=True)
class Submission:
    """One job of a plan on its way to a cluster; with `apply` its segments hold from now on.

    With `remove`, too, if it lacks some that it is not known to have had.
    """

    plan: Plan
    kind: JobKind
    rest: FlinkRest
    apply: bool = False
    remove: bool = False

    @property
    def name(self) -> str:
        """The name of the job."""
        return self.plan.job_name(self.kind)

    @property
    def slots(self) -> int:
        """How many slots, each a TaskManager, the job takes."""
        return RECIPES[self.kind].slots(self.plan)

    @property
    def folder(self) -> RunFolder:
        """The folder that a run of the same job on this machine would hold."""
        return RECIPES[self.kind].folder(self.plan)

    def submit(self, checkpoints: str, savepoint: str | None, lease: Lease | None) -> str:
        """Submit the job, and wait until all of it is at work; gives its id.

        `checkpoints` and `savepoint` are URIs. `prepare_client` must have been called.

        Raises:
            JobError: Flink refused it, or it failed before it was at work; it is cancelled.
        """
        assemble = RECIPES[self.kind].assemble
        fresh = savepoint is None
        job = assemble(self.plan, apply=self.apply, remove=self.remove, fresh=fresh, lease=lease)
        address = (self.rest.host, self.rest.port)
        try:
            environment = Environment.create(job.on_a_cluster(address, checkpoints, savepoint))
            job.define(environment)
            taken = str(start(environment.stream, self.name).get_job_id())
        except Py4JError as error:
            raise JobError(f"'{self.name}' could not be submitted: {cause(error)}") from None
        try:
            job.accepted()
            self._see_start(taken)
        except BaseException:
            self.rest.cancel(taken)
            raise
        gateway.ran()
        return taken

    def _see_start(self, job: str) -> None:
        give_up_s = time.monotonic() + _AT_WORK_WITHIN_S
        while not self.rest.runs(job):
            for failure in self.rest.failures(job):
                raise JobError(f"'{self.name}' failed: {failure.reason}{_hint(failure.reason)}")
            if time.monotonic() > give_up_s:
                raise JobError(
                    f"'{self.name}' was not at work within {_AT_WORK_WITHIN_S:.0f} s "
                    f"({self.rest.state(job)}): the cluster's logs may say why"
                )
            time.sleep(_POLL_S)


def prepare_client(plan: Plan, jars: Sequence[Path]) -> None:
    """Prepare this process for submitting; to be called once, before there is a JVM.

    `jars` are the connectors, which a cluster has in its lib/.
    """
    # The cluster's configuration would become that of this process's JVM.
    os.environ.pop("FLINK_CONF_DIR", None)
    prepare_process(plan.folder.path / "submit" / "logs", jars, "submit")
    add_jars_to_context_class_loader([jar.as_uri() for jar in jars])


def jobs_of(plan: Plan, only: JobKind | None) -> list[JobKind]:
    """The jobs of a plan to submit.

    Raises:
        UsageError: a cluster can't run them.
    """
    config = plan.config
    if config.source.kafka is None or config.output.kafka is None:
        raise UsageError(
            "expected source.kafka and output.kafka: the files of this machine are out of a "
            "cluster's reach; `flockwise load` brings files into Kafka"
        )
    if config.bounded:
        raise UsageError(
            "source.kafka.bounded: a cluster's jobs go on for ever; `flockwise run` is for runs "
            "that end"
        )
    if only == "upsert" and config.store is None:
        raise UsageError("--only upsert: expected a store in the configuration")
    if only != "segment" and config.store is not None and config.store.lies_here is not None:
        raise UsageError(
            f"store: {config.store.lies_here} is out of a cluster's reach: use `flockwise submit "
            "--only segment`, and on this machine `flockwise upsert`"
        )
    kinds: list[JobKind] = ["segment", "upsert"] if config.store is not None else ["segment"]
    return [kind for kind in kinds if only in (None, kind)]


def without_store(plan: Plan) -> Plan:
    """The same plan, whose store nobody asks for."""
    return Plan(msgspec.structs.replace(plan.config, store=None), plan.base)


def _hint(reason: str) -> str:
    if "No module named" in reason:
        return "; flockwise must be installed in the `python` on the TaskManagers' PATH"
    if "environment variable" in reason:
        return " where the TaskManagers are started"
    return ""
