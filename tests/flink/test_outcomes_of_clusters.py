"""Outcomes where clusters move users at timers: also these go to what measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.contracts.outcomes import DayOutcomes
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers

pytestmark = pytest.mark.flink


def test_who_comes_into_a_cluster_at_the_end_of_a_run_is_counted(tmp_path: Path) -> None:
    events = shoppers(seed=7, users=60, count=1_500, back_s=0)
    write_events(tmp_path / "events.jsonl", events)
    config = config_of(
        {"views": {"count": "view", "window": "lifetime"}},
        {"In the first": {"when": "cluster = 1"}},
        # Has no version before the end, by which everyone is judged there: at a timer.
        clusters={"habits": {"k": 2, "features": ["views"], "warm_start": 5_000}},
        outcomes={"conversion": {"event": "purchase", "value": "price"}},
    )
    run = run_job(tmp_path, config)
    clusters = [each for each in run.outcomes() if isinstance(each, DayOutcomes) and each.model]
    assert sum(each.entries - each.exits for each in clusters) == len(run.assignments())
