"""Runs the `upsert` job of a plan: the committed changelog into the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flink_job.job import define_upsert_job
from flink_job.plan import Plan
from flink_job.runtime.environment import Flink, prepare_process
from flink_job.runtime.run_folder import RunFolder
from flink_job.runtime.running import Outcome, Watch, free_port, run
from operators.base.errors import UsageError

COUNTERS: Final = ("assignments_written", "transitions_written", "store_retries")


def upsert_folder(plan: Plan) -> RunFolder:
    """Where the job keeps its place in the changelog."""
    return RunFolder(plan.folder.path / "upsert")


def upsert(plan: Plan, jars: Sequence[Path], watch: Watch) -> Outcome:
    """Run the job to its end, or until it is stopped.

    It goes on from its last checkpoint, or begins with the oldest record: a store takes no
    record twice.

    Raises:
        UsageError: the configuration has no store, or its changelog is not in Kafka.
        JobError: it failed.
    """
    changelog, open_store = plan.changelog(), plan.store()
    if changelog is None or open_store is None:
        raise UsageError("expected a configuration with output.kafka and a store")
    folder = upsert_folder(plan)
    prepare_process(folder.logs)
    state = None if changelog.bounded else folder.last_state()
    flink = Flink(
        checkpoints=folder.checkpoints.as_uri(),
        checkpoint_ms=1_000,
        restore_from=state,
        rest_port=free_port(),
        jars=jars,
        endless=True,  # a store may be away for long; nothing is passed over
    )
    return run(
        f"{plan.config.name} upsert",
        flink,
        lambda environment: define_upsert_job(environment, changelog, open_store),
        folder.savepoints,
        watch,
    )
