"""The job on a mini-cluster against the oracle: replays, parallelism, batches, dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers, told
from tests.oracle import SECOND, Event
from tests.oracle import replay as replayed
from tests.property.replay_cases import CHOSEN, MINUTE, SEGMENTS, micros, oracle_user

pytestmark = pytest.mark.flink

DAY = 86_400 * SECOND

Moves = list[tuple[str, int, str, str]]
Oracle = Callable[[str, Sequence[Event], int], Moves]


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """A user's transitions by their events up to a moment; asked the same again, as it was said.

    It judges them minute by minute, which is most of the work here.
    """
    said: dict[str, Moves] = {}

    def moves(user: str, own: Sequence[Event], as_of: int) -> Moves:
        asked = repr((own, as_of))
        if asked not in said:
            found = replayed(oracle_user(by_id=True), own, SEGMENTS, MINUTE, as_of)
            said[asked] = [(user, *move) for move in found]
        return said[asked]

    return moves


@pytest.mark.parametrize(("parallelism", "lanes", "batch"), [(1, 4, "500ms"), (2, 16, "700ms")])
def test_a_file_in_order_gives_the_transitions_of_the_oracle(
    tmp_path: Path, oracle: Oracle, parallelism: int, lanes: int, batch: str
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
        expected += oracle(user, own, events[-1].time)
    assert told(run) == sorted(expected)
    assert run.dead_letters() == []


def mixed(events: Sequence[Event], how: str) -> list[list[Event]]:
    """The events in files: each user's own stay in their order, but where types are split."""
    match how:
        case "as they came":
            return [list(events)]
        case "by user":
            users = {event.user: at for at, event in enumerate(events)}
            return [sorted(events, key=lambda event: users[event.user])]
        case "shuffled":
            return [shuffled(events, Random(1))]
        case "in two files":
            chosen = {f"user-{number}" for number in range(0, 40, 2)}
            return [[e for e in events if (e.user in chosen) is even] for even in (True, False)]
        case _:  # by type
            return [
                [e for e in events if e.type == type_] for type_ in ("view", "cart", "purchase")
            ]


def shuffled(events: Sequence[Event], chance: Random) -> list[Event]:
    """The users mixed otherwise."""
    turns = [event.user for event in events]
    chance.shuffle(turns)
    own = {user: iter([e for e in events if e.user == user]) for user in set(turns)}
    return [next(own[user]) for user in turns]


@pytest.mark.parametrize(
    ("how", "parallelism", "lanes", "batch"),
    [
        ("as they came", 1, 4, "500ms"),
        ("by user", 2, 16, "700ms"),
        ("shuffled", 4, 8, "600ms"),
        ("in two files", 1, 1, "500ms"),
        ("by type", 2, 8, "500ms"),
    ],
)
def test_transitions_depend_on_nothing_but_each_users_events_in_their_order(
    tmp_path: Path, oracle: Oracle, how: str, parallelism: int, lanes: int, batch: str
) -> None:
    """Some events come late, and one user's clock is hours ahead of all others'."""
    events = shoppers(seed=5, users=40, count=2_000, back_s=4_000)
    as_of = max(event.time for event in events) + 3 * 3_600 * SECOND
    events.insert(200, replace(events[0], user="zed", type="view", time=as_of))
    files = mixed(events, how)
    for number, own in enumerate(files):
        write_events(tmp_path / f"{number}.jsonl", own)
    run_spec = {"state": "state", "lanes": lanes, "parallelism": parallelism, "batch": batch}
    names = [f"{number}.jsonl" for number in range(len(files))]
    run = run_job(tmp_path, config_of(CHOSEN, SEGMENTS, names, run=run_spec))
    read = [event for own in files for event in own]
    expected, late = [], 0
    for user in {event.user for event in read}:
        own, alone = [event for event in read if event.user == user], oracle_user(by_id=True)
        late += sum(not alone.add(event) for event in own)
        expected += oracle(user, own, as_of)
    assert told(run) == sorted(expected)
    assert [letter.reason for letter in run.dead_letters()] == ["late"] * late
    assert run.outcome.totals == {
        "records": len(read),
        "events_applied": len(read) - late,
        "dead_letters": late,
        "duplicates": 0,
    }


def test_one_clock_far_ahead_changes_nothing_for_anybody_else(tmp_path: Path) -> None:
    """500 users buy once a day; one event of another user, soon read, is of the year after."""
    start, count = micros("2025-01-01T00:00:00+00:00"), 60
    bought = [
        Event(f"user-{user}", start + day * DAY + user * 60 * SECOND, "purchase", None, {})
        for day in range(count)
        for user in range(500)
    ]
    ahead = Event("zed", start + 400 * DAY, "purchase", None, {})
    write_events(tmp_path / "events.jsonl", [*bought[:3_000], ahead, *bought[3_000:]])
    features = {"orders_7d": {"count": "purchase", "window": "7d"}}
    segments = {"Active Buyers": {"when": "orders_7d >= 3"}}
    until = {"state": "state", "lanes": 4, "as_of": "2026-03-01T00:00:00Z"}
    run = run_job(tmp_path, config_of(features, segments, run=until))
    found = Counter((each.kind, each.at[:10]) for each in run.transitions())
    assert found == {("enter", "2025-01-03"): 500, ("leave", "2025-03-06"): 500}


def test_rows_that_lie_on_disk_change_nothing(tmp_path: Path) -> None:
    """With memory for the rows of a batch alone."""
    told_by: list[object] = []
    for name, memory in (("all", {}), ("none", {"memory": "1B"})):
        base = tmp_path / name
        base.mkdir()
        events = shoppers(seed=5, users=300, count=3_000, back_s=0)
        write_events(base / "events.jsonl", events)
        run_spec = {"state": "state", "lanes": 4, **memory}
        told_by.append(told(run_job(base, config_of(CHOSEN, SEGMENTS, run=run_spec))))
    assert told_by[0]
    assert told_by[0] == told_by[1]
