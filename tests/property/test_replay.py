"""Replays against the oracle, in order and however the events of several users are mixed."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts.records import encode
from tests.effort import examples
from tests.oracle import SECOND, Event, replay
from tests.property.pipeline import Pipeline, pipeline
from tests.property.replay_cases import (
    CHOSEN,
    INTRICATE,
    MINUTE,
    SEGMENTS,
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

    @settings(max_examples=15, deadline=None, derandomize=True, database=None)
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


@st.composite
def mixed(draw: st.DrawFn, chosen: list[Event]) -> list[Event]:
    """The events of several users, each one's own in their order, mixed in some way."""
    users = sorted({event.user for event in chosen})
    queues = {user: iter([e for e in chosen if e.user == user]) for user in users}
    turns = draw(st.permutations([event.user for event in chosen]) | st.just([]))
    by_turns = [next(queues[user]) for user in turns]
    return by_turns + [event for user in users for event in queues[user]]


@given(
    chosen=events(most=25) | events(in_order=True, most=25),
    ahead=st.sampled_from([0, 0, 4_000, 9_000]),
    lanes=st.sampled_from([1, 3]),
    by_id=st.booleans(),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_transitions_depend_on_nothing_but_each_users_events_in_their_order(
    chosen: list[Event], ahead: int, lanes: int, by_id: bool, resolution: int, data: st.DataObject
) -> None:
    """However users are mixed, some events come late, and one lies far ahead of all others."""
    newest = max(event.time for event in chosen) + ahead * SECOND
    if ahead:
        zed = Event("zed", newest, "view", None, {"price": None, "shop": None})
        chosen.insert(data.draw(st.integers(0, len(chosen))), zed)
    as_of = newest + data.draw(st.integers(0, 5000)) * SECOND
    runs = []
    for order in (chosen, data.draw(mixed(chosen))):
        own_lanes = 1 if order is chosen else lanes
        run = pipeline(CHOSEN, INTRICATE, GAP, lanes=own_lanes, resolution=resolution, by_id=by_id)
        for cut in cuts(data.draw, len(order)):
            run.feed(order[cut])
        run.finish(as_of)
        runs.append(run)
    assert by_user(runs[0]) == by_user(runs[1])
    expected = set()
    for user in {event.user for event in chosen}:
        own = [event for event in chosen if event.user == user]
        moves = replay(oracle_user(by_id), own, INTRICATE, resolution, as_of)
        expected |= {(user, *move) for move in moves}
    assert told(runs[1]) == expected
    assert len(runs[1].transitions) == len(expected)


def by_user(run: Pipeline) -> dict[str, list[bytes]]:
    """What was told of each user, in order; versions are taken from the wall clock."""
    found: dict[str, list[bytes]] = {}
    for move in run.transitions:
        found.setdefault(move.user, []).append(encode(msgspec.structs.replace(move, version=0)))
    return found
