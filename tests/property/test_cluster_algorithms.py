"""River's other algorithms over a sample: blobs are found, and centers are numbers in any case."""

from __future__ import annotations

import math
from typing import Final, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from river.cluster import CluStream
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from operators.base.arrays import Floats
from operators.clustering.learning.algorithms import MOST_REPLAYED, fit
from operators.clustering.nearest import nearest
from operators.clustering.spec import ReplayedAlgorithm
from tests.effort import examples

# Neither numpy nor scikit-learn has anything to complain of, whatever comes in.
pytestmark = pytest.mark.filterwarnings("error")

ALGORITHMS: Final[tuple[ReplayedAlgorithm, ...]] = get_args(ReplayedAlgorithm)
K_MEANS: Final = ("streamkmeans", "clustream")
WILD: Final = st.one_of(
    st.floats(-1e3, 1e3),
    st.integers(0, 2).map(float),
    st.sampled_from([0.1, 1e100, -1e100, 1e-160, 5e-324]),
)


def blobs(k: int, seed: int, noise: float = 0.0) -> tuple[Floats, Floats]:
    """1,000 points of 8 dimensions in k blobs, some of them noise, and whose each is."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, k, 1_000)
    points = random.random((k, 8))[kind] + random.normal(0, 0.05, (1_000, 8))
    points[random.random(1_000) < noise] = random.random(8) * 2 - 0.5
    return points, kind


def agreement(points: Floats, kind: Floats, centers: Floats) -> float:
    return float(adjusted_rand_score(kind, nearest(points, centers).cluster))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("k", "noise"), [(3, 0.0), (5, 0.0), (5, 0.03)])
def test_blobs_are_found(algorithm: ReplayedAlgorithm, k: int, noise: float) -> None:
    for seed in range(3):
        points, kind = blobs(k, seed, noise)
        best = KMeans(k, n_init=10, random_state=seed).fit(points).cluster_centers_
        centers = fit(algorithm, points, k, seed)
        # The others part or join a blob now and then, as they don't know how many there are.
        least = 0.95 if algorithm in K_MEANS else 0.8
        assert agreement(points, kind, centers) >= least * agreement(points, kind, best)
        assert len(centers) <= (k if algorithm in K_MEANS else k + 2)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_check_tells_centers_that_are_no_good(algorithm: ReplayedAlgorithm) -> None:
    """The negative control: the centers of other blobs."""
    points, kind = blobs(5, seed=0)
    others, _ = blobs(5, seed=1)
    assert agreement(points, kind, fit(algorithm, others, 5, seed=0)) < 0.8


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(deadline=None, max_examples=examples(40))
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 3)).flatmap(
        lambda shape: arrays.arrays(np.float64, shape, elements=WILD)
    ),
    st.integers(2, 20),
)
@example(np.full((30, 2), 0.1), 5)
@example(np.repeat([[0.0, 0.0], [1.0, 1.0]], [600, 1], axis=0), 3)
@example(np.full((1, 1), -1e100), 20)
def test_centers_are_numbers_and_each_is_somebodys(
    algorithm: ReplayedAlgorithm, points: Floats, k: int
) -> None:
    centers = fit(algorithm, points, k, seed=3)
    assert 1 <= len(centers) <= len(np.unique(points, axis=0))
    assert len(centers) <= k or algorithm not in K_MEANS
    assert centers.shape[1] == points.shape[1]
    assert np.isfinite(centers).all()
    size = max(float(np.abs(points).max()), 1.0)
    assert (centers >= points.min(axis=0) - 1e-9 * size).all()
    assert (centers <= points.max(axis=0) + 1e-9 * size).all()
    np.testing.assert_array_equal(fit(algorithm, points, k, seed=3), centers)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_units_and_the_origin_do_not_matter(algorithm: ReplayedAlgorithm) -> None:
    points, _ = blobs(4, seed=2)
    centers = fit(algorithm, points, 4, seed=0)
    np.testing.assert_allclose(fit(algorithm, points * 64 - 8, 4, seed=0), centers * 64 - 8)


def test_points_at_one_place_have_clustream_search_for_few_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes a point that is within no micro-cluster ten times as long as another."""
    searches = 0
    searching = CluStream._maintain_micro_clusters

    def counted(self: CluStream, x: dict[int, float], w: float) -> None:
        nonlocal searches
        searches += 1
        searching(self, x, w)

    monkeypatch.setattr(CluStream, "_maintain_micro_clusters", counted)
    places = np.eye(4)[np.random.default_rng(0).integers(0, 4, 1_000)]
    centers = fit("clustream", places, 4, seed=0)
    assert searches < len(places) / 5
    assert sorted(centers.round(9).tolist()) == sorted(np.eye(4).tolist())


def test_a_large_sample_is_replayed_in_part_and_settled_as_a_whole() -> None:
    points = np.repeat(np.arange(4.0), 2 * MOST_REPLAYED)[:, np.newaxis]
    centers = fit("denstream", points, 4, seed=0)
    assert sorted(centers[:, 0]) == [0.0, 1.0, 2.0, 3.0]
    assert math.isclose(len(points), 4 * 2 * MOST_REPLAYED)
