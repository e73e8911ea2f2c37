"""The job on a mini-cluster against the oracle: replays, parallelism, batches, dead letters."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.flink.harness import Run, config_of, run_job, write_events
from tests.oracle import SECOND, Event, replay
from tests.property.strategies import START
from tests.property.test_replay import CHOSEN, MINUTE, PLAIN, SEGMENTS, holds, micros, oracle_user

pytestmark = pytest.mark.flink


def shoppers(seed: int, users: int, count: int, back_s: int) -> list[Event]:
    """Random events in arrival order, up to `back_s` seconds late."""
    chance = random.Random(seed)
    now, events = START, []
    for _ in range(count):
        now += chance.randrange(0, 20 * SECOND)
        event = Event(
            user=f"user-{chance.randrange(users)}",
            time=now - chance.randrange(back_s + 1) * SECOND,
            type=chance.choice(["view", "view", "view", "cart", "purchase", "search"]),
            session=chance.choice([None, "s1", "s2"]),
            properties={
                "price": chance.choice([None, chance.randrange(400) / 4]),
                "shop": chance.choice([None, "a", "b", "c"]),
            },
        )
        events.append(event)
    return sorted(events, key=lambda event: event.time) if not back_s else events


def told(run: Run) -> list[tuple[str, int, str, str]]:
    return sorted((t.user, micros(t.at), t.segment, t.kind) for t in run.transitions())


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
