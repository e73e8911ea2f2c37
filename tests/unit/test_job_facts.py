"""How a job is, by what Flink's REST interface says of it; its answers are those of a real one."""

from __future__ import annotations

from typing import Any

import pytest

from flink_job.runtime.job_facts import CheckpointFacts, JobState, history_of, state_of

COMPLETED: dict[str, Any] = {
    "latest_ack_timestamp": 1_795_763_622_889,
    "state_size": 310_238,
    "end_to_end_duration": 30,
    "external_path": "file:/checkpoints/shop/segment/5c31/chk-212",
    "discarded": False,
}
FAILED: dict[str, Any] = {
    "failure_timestamp": 1_795_763_622_000,
    "failure_message": "Checkpoint expired before completing.",
}


@pytest.mark.parametrize(
    ("said", "all_run", "restarts", "state"),
    [
        ("RUNNING", True, 0, JobState.RUNNING),
        ("RUNNING", True, 3, JobState.RUNNING),
        ("RUNNING", False, 0, JobState.STARTING),
        ("RUNNING", False, 1, JobState.RESTARTING),
        ("RESTARTING", False, 1, JobState.RESTARTING),
        ("FAILING", False, 0, JobState.RESTARTING),
        ("CREATED", False, 0, JobState.STARTING),
        ("INITIALIZING", True, 0, JobState.STARTING),
        ("CANCELLING", False, 0, JobState.STOPPING),
        ("FAILED", False, 8, JobState.FAILED),
        ("CANCELED", False, 0, JobState.NOT_RUNNING),
        ("FINISHED", False, 0, JobState.NOT_RUNNING),
    ],
)
def test_states(said: str, all_run: bool, restarts: int, state: JobState) -> None:
    assert state_of(said, all_run=all_run, restarts=restarts) is state


def history(**latest: Any) -> dict[str, Any]:
    parts = {"completed": None, "savepoint": None, "failed": None, "restored": None}
    return {"counts": {"completed": 47, "failed": 4}, "latest": parts | latest}


def test_the_last_checkpoint() -> None:
    found = history_of(history(completed=COMPLETED, failed=FAILED))
    assert (found.completed, found.failed, found.failing) == (47, 4, None)
    assert found.last == CheckpointFacts(
        "2026-11-27T07:13:42.889000Z", 310_238, 30, COMPLETED["external_path"]
    )
    savepoint = COMPLETED | {"latest_ack_timestamp": 1_795_763_623_000, "external_path": "file:/s"}
    newer = history_of(history(completed=COMPLETED, savepoint=savepoint))
    assert newer.last is not None
    assert newer.last.path == "file:/s"
    gone = history_of(history(completed=COMPLETED | {"discarded": True}))
    assert gone.last is not None
    assert gone.last.path is None


def test_checkpoints_fail_if_the_newest_did() -> None:
    newest = FAILED | {"failure_timestamp": 1_795_763_623_000}
    failing = history_of(history(completed=COMPLETED, failed=newest))
    assert failing.failing == "Checkpoint expired before completing."
    assert history_of(history(failed=FAILED)).failing is not None
    assert history_of(history()).failing is None
    assert history_of(history(failed=FAILED | {"failure_message": None})).failing is not None
