"""Clusters are measured, too, also what comes of them when a timer fires and no message comes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from operators.base.moments import iso_at
from operators.contracts.outcomes import DayOutcomes
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers
from tests.oracle import SECOND
from tests.property.outcome_cases import PLAIN_OUTCOMES
from tests.property.replay_cases import CHOSEN, SEGMENTS

pytestmark = pytest.mark.flink


def test_who_comes_into_a_cluster_by_a_timer_is_counted(tmp_path: Path) -> None:
    """At the end of the run all come into the clusters of the last model, by a timer of Assign."""
    events = shoppers(seed=7, users=60, count=2_000, back_s=90_000)
    write_events(tmp_path / "events.jsonl", events)
    as_of = iso_at(max(event.time for event in events) + 3_600 * SECOND)
    config = config_of(
        CHOSEN,
        SEGMENTS,
        run={"state": "state", "lanes": 4, "as_of": as_of},
        clusters={"shoppers": {"k": 3, "features": ["views_10m", "spend_1h"]}},
        outcomes=PLAIN_OUTCOMES,
    )
    run = run_job(tmp_path, config)
    inside = Counter[str]()
    for each in run.outcomes():
        if isinstance(each, DayOutcomes) and each.model == "shoppers":
            inside[each.name] += each.entries - each.exits
    newest = [each.cluster for each in run.assignments().values()]
    found = Counter(str(cluster) for cluster in newest if cluster is not None)
    assert +inside == found != Counter()
