"""Looks at users as arrays: however many are taken at a time, they come to the same."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.runs import Runs
from operators.clustering.moves import ClusterMoves
from operators.clustering.nearest import Incumbents, nearest
from operators.contracts.records import Assignment, encode
from operators.membership import in_order, looks
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.pipeline import Pipeline, pipeline
from tests.property.replay_cases import CHOSEN, INTRICATE, MINUTE
from tests.property.strategies import GAP, START, cuts, events

SEGMENTS = {
    **INTRICATE,
    # Computed with ages, also old ones, and kept in by lengths of time.
    "Aged": {
        "when": "since_any > since_cart / 2",
        "leave_when": "since_cart > since_any + 20",
        "min_dwell": "9m",
    },
    "Held": {"when": "since_cart * 2 > since_any", "cooldown": "13m", "holdout": "50%"},
}


@given(
    chosen=events(most=25) | events(in_order=True, most=25),
    most=st.integers(1, 7),
    together=st.integers(1, 5),
    resolution=st.sampled_from([SECOND, MINUTE]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_few_looks_at_a_time_come_to_what_many_do(
    chosen: list[Event], most: int, together: int, resolution: int, data: st.DataObject
) -> None:
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 20_000)) * SECOND
    batches = [chosen[cut] for cut in cuts(data.draw, len(chosen))]
    check_pieces(batches, as_of, resolution, most, together)


def test_a_deadline_is_not_looked_at_before_its_user_has_come_to_it() -> None:
    """Ann's shortest stay ends between her last two events, of which the first comes later."""
    seen = (
        (("ann", 27, "view", "s3"), ("ann", -99_937, "view", "s3"), ("ann", 702, "view", "s1")),
        (("cay", 2_866, "view", None),),
        (("cay", 4_044, "search", "s1"),),
        (("ann", 3_995, "purchase", "s1"), ("cay", 4_619, "view", "s2")),
        (("ann", 4_712, "cart", None),),
    )
    empty = {"price": None, "shop": None}
    batches = [
        [
            Event(user, START + at_s * SECOND, kind, session, empty)
            for user, at_s, kind, session in batch
        ]
        for batch in seen
    ]
    check_pieces(batches, START + 4_712 * SECOND, SECOND, most=1, together=3)


def check_pieces(
    batches: list[list[Event]], as_of: int, resolution: int, most: int, together: int
) -> None:
    """Batches that are judged by few looks at a time come to what all in one come to."""
    many, few = (
        pipeline(CHOSEN, SEGMENTS, GAP, lanes=1, resolution=resolution, by_id=True)
        for _ in range(2)
    )
    fed(many, [[event for batch in batches for event in batch]], as_of)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(in_order, "_LOOKS", most)
        patched.setattr(looks, "_TOGETHER", together)
        fed(few, batches, as_of)
    assert told(few) == told(many)
    assert last(few) == last(many)


def fed(run: Pipeline, batches: list[list[Event]], as_of: int) -> None:
    for batch in batches:
        run.feed(batch)
    run.finish(as_of)


def told(run: Pipeline) -> list[bytes]:
    return sorted(encode(msgspec.structs.replace(move, version=0)) for move in run.transitions)


def last(run: Pipeline) -> dict[str, Assignment]:
    return {user: msgspec.structs.replace(x, version=0) for user, x in run.assignments.items()}


def test_versions_grow_for_each_user_within_a_message() -> None:
    empty = {"price": None, "shop": None}
    chosen = [Event("ann", at * 900 * SECOND, "view", "s", empty) for at in range(9)]
    run = pipeline(CHOSEN, SEGMENTS, GAP, lanes=1, resolution=SECOND, by_id=True)
    fed(run, [chosen], 9_000 * SECOND)
    moments = [move.at for move in run.transitions]
    versions = {move.at: move.version for move in run.transitions}
    assert moments == sorted(moments)
    assert len(set(versions.values())) == len(versions) > 3
    assert list(versions.values()) == sorted(versions.values())


@given(
    data=st.data(),
    users=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    stick=st.sampled_from([0.0, 0.25, 0.6]),
    centers=st.integers(1, 4),
)
@settings(max_examples=examples(60), deadline=None)
def test_points_move_as_if_placed_one_by_one(
    data: st.DataObject, users: list[int], stick: float, centers: int
) -> None:
    count = sum(users)
    numbers = st.integers(0, 8).map(float)
    points = data.draw(st.lists(numbers, min_size=count, max_size=count))
    places = data.draw(st.lists(numbers, min_size=centers, max_size=centers))
    placed = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    held = data.draw(
        st.lists(st.integers(-1, centers - 1), min_size=len(users), max_size=len(users))
    )
    scaled, of = np.array(points).reshape(-1, 1), np.repeat(np.arange(len(users)), users)
    at = np.array(places).reshape(-1, 1)
    runs = Runs(of)
    moves = ClusterMoves(scaled, at, stick).taken(runs, np.array(held), np.array(placed))
    own = list(held)
    for position, user in enumerate(of.tolist()):
        before = own[user]
        if placed[position] or before < 0:
            incumbent = Incumbents(np.array([before]), stick)
            own[user] = int(nearest(scaled[position : position + 1], at, incumbent).cluster[0])
        assert moves[position] == (own[user] if own[user] != before else -1)
