"""The sample of users against a dict of all of them, and what a lane sends for it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.errors import JobError
from operators.clustering.learning.sample import LARGEST, UserSample, drawn, read, tickets
from operators.clustering.learning.sample import encode as encode_update
from operators.clustering.space import Dimension, Space
from tests.effort import examples
from tests.updates import update_of

HOUR_US = 3_600_000_000
SPACE = Space((Dimension("views"), Dimension("since", age_us=HOUR_US)))
SIZE = 5
VALUES = st.one_of(st.just(math.nan), st.floats(-1e3, 1e3), st.just(math.inf))
SEEN = st.tuples(st.integers(0, 12), st.integers(0, 10), VALUES, VALUES)
STEPS = st.lists(
    st.tuples(
        st.lists(SEEN, max_size=6, unique_by=lambda seen: seen[0]),
        st.lists(st.integers(0, 12), max_size=2),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=examples(300))
@given(STEPS)
def test_it_holds_the_lowest_tickets_and_their_latest_profiles(
    steps: list[tuple[list[tuple[int, int, float, float]], list[int]]],
) -> None:
    sample = UserSample(SPACE, SIZE)
    known: dict[int, tuple[int, float, float]] = {}
    for seen, gone in steps:
        rows = np.array([each[2:] for each in seen]).reshape(-1, 2)
        hours = [each[1] * HOUR_US for each in seen]
        given_points = sample.take(update_of(rows, [each[0] for each in seen], hours, gone))
        np.testing.assert_array_equal(given_points, np.where(np.isinf(rows), np.nan, rows))
        known |= {who: (at, views, since) for who, at, views, since in seen}
        # Who falls out for want of room is forgotten, too, until they are told of again.
        known = {who: known[who] for who in sorted(known)[:SIZE] if who not in gone}
    assert sample.tickets.tolist() == sorted(known)
    newest = max((at for at, _, _ in known.values()), default=0)
    expected = [(views, since + newest - at) for _, (at, views, since) in sorted(known.items())]
    expected_points = np.array(expected).reshape(-1, 2)
    usable = np.where(np.isinf(expected_points), np.nan, expected_points)
    np.testing.assert_allclose(sample.points(), usable, atol=1e-9)
    again = UserSample(SPACE, SIZE)
    again.restore(sample.stored())
    np.testing.assert_array_equal(again.points(), sample.points())


def test_an_update_survives_its_way() -> None:
    update = update_of(np.array([[1.0, math.nan]]), [7], 5, [3])
    assert read(encode_update(update)) == update


def test_a_sample_of_other_dimensions_is_refused() -> None:
    sample = UserSample(SPACE)
    sample.take(update_of(np.ones((3, 2))))
    with pytest.raises(JobError, match="expected the shape"):
        UserSample(Space(SPACE.dimensions[:1])).restore(sample.stored())


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(1, 20), st.integers(0, 1_000))
def test_lanes_send_all_who_are_in_the_sample(lanes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    users = 60_000 // lanes
    own = [tickets(random.integers(0, 2**32, users, np.uint32)) for _ in range(lanes)]
    sent = np.concatenate([of[drawn(of, users, lanes)] for of in own])
    lowest = np.sort(np.concatenate(own))[:LARGEST]
    assert np.isin(lowest, sent).all()
    assert len(sent) < 3 * LARGEST


def test_few_users_are_all_in_the_sample() -> None:
    own = tickets(np.arange(500, dtype=np.uint32))
    assert drawn(own, 500, 16).all()
