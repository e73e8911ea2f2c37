"""Where a run begins: anew, from its last checkpoint, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flink_job.config.load import check
from flink_job.jobs.segment import Start, begin
from flink_job.plan import Plan
from operators.base.errors import UsageError

RESUME = Start(resume=True)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    event = {"user_id": "ann", "event_time": "2026-01-01T00:00:00Z", "event_type": "view"}
    (tmp_path / "events.jsonl").write_text(json.dumps(event))
    data = {
        "source": {"files": {"paths": ["events.jsonl"]}},
        "output": {"folder": "out"},
        "features": {"views": {"count": "view", "window": "1h"}},
        "run": {"state": "state"},
    }
    return Plan(check(data, "the test"), tmp_path)


def checkpoint(plan: Plan) -> Path:
    made = plan.folder.checkpoints / "job" / "chk-1" / "_metadata"
    made.parent.mkdir(parents=True)
    made.touch()
    return made.parent


def test_a_run_without_a_checkpoint_begins_anew_however_often_it_is_resumed(plan: Plan) -> None:
    for _ in range(2):
        begun = begin(plan, RESUME, lambda _: None)
        assert (begun.anew, begun.restore_from, begun.note.records) == (True, None, 1)
    made = checkpoint(plan)
    begun = begin(plan, RESUME, lambda _: None)
    assert (begun.anew, begun.restore_from) == (False, made)


def test_a_run_that_is_not_resumed_is_not_said_to_begin_anew(plan: Plan) -> None:
    assert not begin(plan, Start(), lambda _: None).anew
    with pytest.raises(UsageError, match="an earlier run was here: --resume goes on"):
        begin(plan, Start(), lambda _: None)
    assert not begin(plan, Start(fresh=True), lambda _: None).anew


def test_checkpoints_are_kept_where_the_note_of_their_run_is_gone(plan: Plan) -> None:
    made = checkpoint(plan)
    with pytest.raises(UsageError, match=r"not the run\.json that they go with"):
        begin(plan, RESUME, lambda _: None)
    assert made.exists()
