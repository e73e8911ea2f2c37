"""The job on a mini-cluster against the oracle: replays, parallelism, batches, dead letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers, told
from tests.oracle import replay
from tests.property.replay_cases import CHOSEN, MINUTE, PLAIN, SEGMENTS, holds, oracle_user

pytestmark = pytest.mark.flink


@pytest.mark.parametrize(("parallelism", "lanes", "batch"), [(1, 4, "500ms"), (2, 16, "700ms")])
def test_a_file_in_order_gives_the_transitions_of_the_oracle(
    tmp_path: Path, parallelism: int, lanes: int, batch: str
) -> None:
    events = shoppers(seed=parallelism, users=40, count=2_000, back_s=0)
    write_events(tmp_path / "events.jsonl", events)
    run_spec = {"state": "state", "lanes": lanes, "parallelism": parallelism, "batch": batch}
    run = run_job(tmp_path, config_of(CHOSEN, SEGMENTS, run=run_spec))
    assert run.outcome.totals == {
        "records": 2_000,
        "events_applied": 2_000,
        "dead_letters": 0,
        "duplicates": 0,
    }
    expected = []
    for user in {event.user for event in events}:
        own = [event for event in events if event.user == user]
        moves = replay(oracle_user(by_id=True), own, SEGMENTS, MINUTE, events[-1].time)
        expected += [(user, *move) for move in moves]
    assert told(run) == sorted(expected)
    assert run.dead_letters() == []


@pytest.mark.parametrize("parallelism", [1, 2, 4])
def test_memberships_at_the_end_do_not_depend_on_parallelism(
    tmp_path: Path, parallelism: int
) -> None:
    events = shoppers(seed=5, users=60, count=3_000, back_s=4_000)
    write_events(tmp_path / "events.jsonl", events)
    run_spec = {"state": "state", "lanes": 8, "parallelism": parallelism}
    run = run_job(tmp_path, config_of(CHOSEN, PLAIN, run=run_spec))
    as_of = max(event.time for event in events)
    late = 0
    for user in {event.user for event in events}:
        oracle = oracle_user(by_id=True)
        late += sum(not oracle.add(event) for event in events if event.user == user)
        values = oracle.values(as_of)
        expected = {name for name, spec in PLAIN.items() if holds(spec["when"], values)}
        found = run.assignments().get(user)
        assert set(found.segments if found else ()) == expected, user
    assert late > 0
    letters = run.dead_letters()
    assert [letter.reason for letter in letters] == ["late"] * late
    assert run.outcome.totals == {
        "records": 3_000,
        "events_applied": 3_000 - late,
        "dead_letters": late,
        "duplicates": 0,
    }
