"""Forgetting on a mini-cluster against the oracle: state, changelog and store."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from flink_job.kafka_client.topics import Topics
from flink_job.queries.follow import Follower
from flink_job.stores.sqlite import SqliteStore
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import told
from tests.oracle import SECOND, Event, forgotten_at, replay
from tests.property.replay_cases import CHOSEN, INTRICATE, MINUTE, oracle_user
from tests.property.strategies import START

pytestmark = pytest.mark.flink

AFTER = 3600 * SECOND


def visitors(seed: int, users: int, count: int) -> list[Event]:
    """Random events in order, with pauses in which some users are forgotten, or all."""
    chance = random.Random(seed)
    now, found = START, []
    for _ in range(count):
        pause = chance.choice([0] * 60 + [30 * MINUTE, 61 * MINUTE])
        now += chance.randrange(0, 20 * SECOND) + pause
        found.append(
            Event(
                user=f"user-{chance.randrange(users)}",
                time=now,
                type=chance.choice(["view", "view", "cart", "purchase"]),
                session=chance.choice([None, "s1", "s2"]),
                properties={
                    "price": chance.choice([None, chance.randrange(400) / 4]),
                    "shop": chance.choice([None, "a", "b", "c"]),
                },
            )
        )
    return found


@pytest.mark.parametrize(
    ("parallelism", "count"),
    [(2, 600), *(pytest.param(each, 2_000, marks=pytest.mark.soak) for each in (1, 2))],
)
def test_users_are_forgotten_and_come_back_as_the_oracle_says(
    tmp_path: Path, parallelism: int, count: int
) -> None:
    events = visitors(seed=parallelism, users=30, count=count)
    write_events(tmp_path / "events.jsonl", events)
    run_spec = {"state": "state", "lanes": 4, "parallelism": parallelism, "forget_after": "1h"}
    run = run_job(tmp_path, config_of(CHOSEN, INTRICATE, run=run_spec))
    assert run.outcome.totals == {
        "records": count,
        "events_applied": count,
        "dead_letters": 0,
        "duplicates": 0,
    }
    expected, gone = [], set()
    as_of = events[-1].time
    for user in {event.user for event in events}:
        own = [event for event in events if event.user == user]
        moves = replay(oracle_user(by_id=True), own, INTRICATE, MINUTE, as_of, (AFTER, MINUTE))
        expected += [(user, *move) for move in moves]
        if forgotten_at(own[-1].time, AFTER, MINUTE) <= as_of:
            gone.add(user)
    assert told(run) == sorted(expected)
    newest = run.assignments()
    assert {user for user, found in newest.items() if found.forgotten} == gone
    whys = {move.why[0] for move in run.transitions() if move.kind == "leave" and move.why}
    assert "forgotten after 1h without events" in whys

    with closing(SqliteStore(tmp_path / "store.db", keep_transitions_us=2**60)) as store:
        Follower(run.folder, Topics(), store).apply()
        stored = {found.user: found for found in store.assignments()}
    assert stored == {user: found for user, found in newest.items() if user not in gone}
