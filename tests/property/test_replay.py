"""Replays against the oracle: transitions in order, and memberships however events arrive."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.oracle import SECOND, Conditions, Event, User, replay
from tests.property.pipeline import Pipeline, pipeline
from tests.property.strategies import FEATURES, GAP, START, TILES, cuts, events, retained

SEGMENTS = {
    "Engaged": {"when": "minutes > 5 AND views_session > 3"},
    "Intent": {
        "when": "views_10m >= 2 AND carts >= 1",
        "leave_when": "views_10m = 0",
        "min_dwell": "5m",
    },
    "Recent": {"when": "since_cart < 300"},
    "Quiet": {"when": "since_any >= 20 AND NOT shops_1h = 0"},
    "Spenders": {"when": "spend_1h > 100 OR spend_session / views_session > 50"},
    "Shop a": {"when": "device = 'a' OR device IS NULL"},
    "Slow": {"when": "since_any > minutes + 1", "min_dwell": "1h"},
    "Returning": {"when": "visits >= 3 AND visits_1h BETWEEN 1 AND 2"},
}
PLAIN = {name: {"when": spec["when"]} for name, spec in SEGMENTS.items()}


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(START // SECOND + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


# Every way in which time, other segments and lists decide.
INTRICATE: dict[str, dict[str, Any]] = {
    **SEGMENTS,
    "Fresh": {"when": "since_cart < 10", "cooldown": "50m"},
    "Later": {"when": "shops_1h >= 1", "from": iso(5_000), "until": iso(40_000)},
    "Known": {"members": ["bob"], "until": iso(9_000)},
    "Both": {"when": "in_segment('Quiet') AND NOT in_segment('Shop a')", "min_dwell": "7m"},
    "Worth a call": {"when": "in_segment('Gold') OR in_segment('Both')", "cooldown": "2m"},
    "Gold": {"when": "spend_1h > 200", "group": "tier", "priority": 3, "cooldown": "20m"},
    "Silver": {"when": "spend_1h > 50", "group": "tier", "priority": 2, "min_dwell": "25m"},
    "Bronze": {
        **{"when": "views_10m > 0", "leave_when": "views_10m = 0", "group": "tier"},
        "members": ["cay"],
    },
}
NAMES = [
    *("minutes", "views_session", "views_10m", "carts", "since_cart", "since_any", "shops_1h"),
    *("spend_1h", "spend_session", "device", "visits", "visits_1h"),
]
CHOSEN = {name: FEATURES[name] for name in NAMES}
MINUTE = 60 * SECOND


def oracle_user(by_id: bool) -> User:
    return User(CHOSEN, TILES, retained(NAMES), GAP, by_id)


def micros(text: str) -> int:
    moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(moment.total_seconds() * SECOND)


def holds(condition: str, values: dict[str, Any]) -> bool:
    return Conditions().holds(condition, values) is True


def told(run: Pipeline) -> set[tuple[str, int, str, str]]:
    return {(t.user, micros(t.at), t.segment, t.kind) for t in run.transitions}


@given(
    chosen=events(in_order=True),
    lanes=st.sampled_from([1, 2, 5]),
    by_id=st.booleans(),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_a_replay_in_order_gives_the_transitions_of_the_oracle(
    chosen: list[Event], lanes: int, by_id: bool, resolution: int, data: st.DataObject
) -> None:
    as_of = chosen[-1].time + data.draw(st.integers(0, 5000)) * SECOND
    run = pipeline(CHOSEN, INTRICATE, GAP, lanes=lanes, resolution=resolution, by_id=by_id)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    expected = {
        (user, *transition)
        for user in {event.user for event in chosen}
        for transition in replay(
            oracle_user(by_id),
            [event for event in chosen if event.user == user],
            INTRICATE,
            resolution,
            as_of,
        )
    }
    assert told(run) == expected
    assert len(run.transitions) == len(expected)


def test_the_replays_reach_every_segment_in_every_way() -> None:
    moves: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(events(in_order=True))
    def collect(chosen: list[Event]) -> None:
        run = pipeline(CHOSEN, INTRICATE, GAP, lanes=1, resolution=MINUTE, by_id=True)
        run.feed(chosen)
        run.finish(chosen[-1].time + 3_000 * SECOND)
        moves.update((move.segment, move.kind) for move in run.transitions)
        told = " ".join(reason for move in run.transitions for reason in move.why)
        reasons.update(reason for reason in REASONS if reason in told)

    collect()
    intricate = INTRICATE.keys() - SEGMENTS.keys()
    assert set(moves) >= {(name, kind) for name in intricate for kind in ("enter", "leave")}
    assert set(reasons) == set(REASONS)


REASONS = ("comes first in", "listed", "cooldown", "until", "in segment", "not in segment")


@given(
    chosen=events(),
    lanes=st.sampled_from([1, 3]),
    by_id=st.booleans(),
    seed=st.randoms(use_true_random=False),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_plain_memberships_at_the_end_depend_on_nothing_but_each_users_events(
    chosen: list[Event], lanes: int, by_id: bool, seed: object, data: st.DataObject
) -> None:
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 5000)) * SECOND
    queues = {user: [e for e in chosen if e.user == user] for user in {e.user for e in chosen}}
    shuffled = []
    while queues:
        user = data.draw(st.sampled_from(sorted(queues)))
        shuffled.append(queues[user].pop(0))
        if not queues[user]:
            del queues[user]
    run = pipeline(CHOSEN, PLAIN, GAP, lanes=lanes, resolution=MINUTE, by_id=by_id)
    for cut in cuts(data.draw, len(shuffled)):
        run.feed(shuffled[cut])
    run.finish(as_of)
    for user in {event.user for event in chosen}:
        oracle = oracle_user(by_id)
        for event in chosen:
            if event.user == user:
                oracle.add(event)
        values = oracle.values(as_of)
        expected = {name for name, spec in PLAIN.items() if holds(spec["when"], values)}
        found = run.assignments.get(user)
        assert set(found.segments if found else ()) == expected
