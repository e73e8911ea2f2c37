"""Replays against the oracle: transitions in order, and memberships however events arrive."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.oracle import SECOND, Event, replay
from tests.property.pipeline import pipeline
from tests.property.replay_cases import (
    CHOSEN,
    INTRICATE,
    MINUTE,
    PLAIN,
    SEGMENTS,
    holds,
    oracle_user,
    told,
)
from tests.property.strategies import GAP, cuts, events


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
