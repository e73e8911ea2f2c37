"""The vectorised nearest center against a loop over users and centers."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operators.base.arrays import Floats
from operators.clustering import nearest as nearest_module
from operators.clustering.medians import medians
from operators.clustering.nearest import Incumbents, nearest
from operators.clustering.preparing.preparation import LARGEST, Preparation, usable
from tests.effort import examples

NUMBERS = st.floats(-1e6, 1e6)
WILD = st.one_of(NUMBERS, st.floats(), st.sampled_from([math.inf, -math.inf, math.nan, 1e300]))


def matrix(
    rows: int, columns: int, elements: st.SearchStrategy[float]
) -> st.SearchStrategy[Floats]:
    return arrays.arrays(np.float64, (rows, columns), elements=elements)


@st.composite
def points_and_centers(draw: st.DrawFn) -> tuple[Floats, Floats]:
    d = draw(st.integers(1, 5))
    points = draw(matrix(draw(st.integers(0, 12)), d, NUMBERS))
    return points, draw(matrix(draw(st.integers(1, 6)), d, NUMBERS))


def distance(point: list[float], center: list[float]) -> float:
    total = 0.0
    for a, b in zip(point, center, strict=True):
        total += (a - b) * (a - b)
    return math.sqrt(total)


@given(points_and_centers())
def test_nearest_is_what_a_loop_finds(case: tuple[Floats, Floats]) -> None:
    points, centers = case
    found = nearest(points, centers)
    assert len(found.cluster) == len(points)
    for at, point in enumerate(points.tolist()):
        distances = [distance(point, center) for center in centers.tolist()]
        first, *rest = sorted(distances)
        assert found.cluster[at] == distances.index(first)
        assert found.distance[at] == first
        assert found.margin[at] == (rest[0] - first if rest else math.inf)


@given(points_and_centers(), st.floats(0, 0.99), st.data())
def test_who_is_held_leaves_for_a_center_that_is_enough_nearer(
    case: tuple[Floats, Floats], stick: float, data: st.DataObject
) -> None:
    points, centers = case
    rows = st.integers(-1, len(centers) - 1)
    held = data.draw(st.lists(rows, min_size=len(points), max_size=len(points)))
    found = nearest(points, centers, Incumbents(np.array(held, np.int64), stick))
    for at, point in enumerate(points.tolist()):
        distances = [distance(point, center) for center in centers.tolist()]
        own = distances.index(min(distances))
        if held[at] >= 0 and not distances[own] < (1 - stick) * distances[held[at]]:
            own = held[at]
        others = distances[:own] + distances[own + 1 :]
        assert found.cluster[at] == own
        assert found.distance[at] == distances[own]
        assert found.margin[at] == (min(others) - distances[own] if others else math.inf)


def test_a_user_between_two_clusters_does_not_flip() -> None:
    """On a path that shakes about the border one change by stick, and many without."""
    random = np.random.default_rng(1)
    shaking = 0.5 + random.uniform(-0.02, 0.02, 1_000)
    moves = dict.fromkeys((0.0, 0.1), 0)
    for stick in moves:
        held = np.array([0])
        for x in shaking:
            found = nearest(np.array([[x]]), np.array([[0.0], [1.0]]), Incumbents(held, stick))
            moves[stick] += int(found.cluster[0] != held[0])
            held = found.cluster
    assert moves[0.0] > 300
    assert moves[0.1] == 0


def test_blocks_change_nothing() -> None:
    random = np.random.default_rng(0)
    points, centers = random.normal(size=(997, 3)), random.normal(size=(200, 3))
    assert len(points) > 2 * nearest_module._PAIRS // len(centers)
    whole = nearest(points, centers)
    for at in range(len(points)):
        alone = nearest(points[at : at + 1], centers)
        assert [part[0] for part in alone] == [part[at] for part in whole]
    rows = random.integers(-1, 200, len(points))
    whole = nearest(points, centers, Incumbents(rows, 0.1))
    for at in range(len(points)):
        alone = nearest(points[at : at + 1], centers, Incumbents(rows[at : at + 1], 0.1))
        assert [part[0] for part in alone] == [part[at] for part in whole]


@st.composite
def wild_preparation(draw: st.DrawFn) -> tuple[Preparation, Floats]:
    d = draw(st.integers(1, 4))
    impute, offset = draw(matrix(2, d, st.floats(-LARGEST, LARGEST)))
    scale = draw(matrix(1, d, st.floats(0, 2 * LARGEST)))[0]
    return Preparation(impute, offset, scale), draw(matrix(draw(st.integers(0, 8)), d, WILD))


@given(wild_preparation())
def test_any_point_is_scaled_to_a_finite_one(case: tuple[Preparation, Floats]) -> None:
    preparation, points = case
    scaled = preparation.scaled(points)
    assert scaled.shape == points.shape
    assert np.isfinite(scaled).all()
    assert (scaled[:, preparation.scale == 0] == 0).all()
    found = nearest(scaled, np.zeros((2, scaled.shape[1])))
    assert np.isfinite(found.distance).all()
    assert (found.margin == 0).all()


@given(wild_preparation())
def test_scaling_is_what_a_loop_computes(case: tuple[Preparation, Floats]) -> None:
    preparation, points = case
    scaled = preparation.scaled(points)
    for (user, at), x in np.ndenumerate(points):
        known = x if abs(x) <= LARGEST else float(preparation.impute[at])
        gap, scale = known - float(preparation.offset[at]), float(preparation.scale[at])
        # The smallest of numbers as a divisor overflows, which Python's division raises for.
        expected = float(np.float64(gap) / scale) if scale > 1e-100 else None
        if expected is not None:
            assert scaled[user, at] == min(max(expected, -LARGEST), LARGEST)


@settings(max_examples=examples(200))
@given(st.integers(1, 4).flatmap(lambda d: st.integers(0, 9).flatmap(lambda n: matrix(n, d, WILD))))
def test_medians_are_those_of_the_known_values(points: Floats) -> None:
    points = usable(points)
    for column, median in zip(points.T.tolist(), medians(points), strict=True):
        known = sorted(value for value in column if not math.isnan(value))
        low, high = (known[(len(known) - 1) // 2], known[len(known) // 2]) if known else (0, 0)
        assert median == (low + high) / 2
