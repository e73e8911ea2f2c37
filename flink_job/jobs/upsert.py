"""Runs the `upsert` job of a plan: the committed changelog into the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flink_job.jobs.assembly import upsert_folder, upsert_job
from flink_job.plan import Plan
from flink_job.runtime.running import Outcome, Watch

COUNTERS: Final = ("assignments_written", "transitions_written", "store_retries")


def upsert(plan: Plan, jars: Sequence[Path], watch: Watch) -> Outcome:
    """Run the job to its end, or until it is stopped.

    It goes on from its last checkpoint, or begins with the oldest record: a store takes no
    record twice.

    Raises:
        UsageError: the configuration has no store, or its changelog is not in Kafka.
        JobError: it failed.
    """
    job, folder = upsert_job(plan), upsert_folder(plan)
    restore_from = None if plan.config.bounded else folder.last_state()
    return job.run(folder, jars, restore_from, watch)
