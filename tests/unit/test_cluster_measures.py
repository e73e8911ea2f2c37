"""The measures of a model's version, where what they should say is known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from operators.base.arrays import Floats
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.nearest import nearest
from operators.clustering.quality import dead, duplicates, measure, outliers_beyond, silhouette

pytestmark = pytest.mark.filterwarnings("error")


def crowds(*places: float, each: int = 200, d: int = 2, seed: int = 0) -> Floats:
    """Normal crowds of deviation 1 around places on the first axis."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(len(places), each, d))
    points[:, :, 0] += np.array(places)[:, np.newaxis]
    return points.reshape(-1, d)


def at(*places: float, d: int = 2) -> Floats:
    centers = np.zeros((len(places), d))
    centers[:, 0] = places
    return centers


def test_every_measure_of_a_case_counted_by_hand() -> None:
    points = np.array([[0.0], [0.0], [2.0], [10.0]])
    centers = np.array([[0.0], [10.0], [90.0]])
    quality = measure(
        points, centers, nearest(points, centers), np.array([4, 7, 9]), np.array([4, 4, 7, -1])
    )
    assert quality.inertia == (0 + 0 + 4 + 0) / 4
    # Of the first two: 1 apart in the mean, 10 from the other; of the third: 2 and 8. One alone: 0.
    assert quality.silhouette == pytest.approx((0.9 + 0.9 + 0.75 + 0) / 4)
    assert quality.stability == 2 / 3
    assert quality.dead == 1
    assert quality.duplicates == 0


def test_silhouettes_of_a_part_of_the_users_are_near_those_of_all() -> None:
    points = crowds(0, 6, 12, each=1_000)
    cluster = nearest(points, at(0, 6, 12)).cluster
    from sklearn.metrics import silhouette_score  # noqa: PLC0415 - as where it is used

    assert silhouette(points, cluster) == pytest.approx(silhouette_score(points, cluster), abs=0.02)
    assert silhouette(points, cluster) == silhouette(points, cluster)


@pytest.mark.parametrize("d", [1, 2, 12])
def test_duplicates_are_centers_within_one_crowd(d: int) -> None:
    points = crowds(0, 8, each=1_000, d=d)
    apart, twice, thrice = at(0, 8, d=d), at(-0.1, 0.1, 8, d=d), at(-0.1, 0.1, 7.9, 8.1, d=d)
    found = [duplicates(points, x, nearest(points, x).cluster) for x in (apart, twice, thrice)]
    assert found == [[], [(0, 1)], [(0, 1), (2, 3)]]


@pytest.mark.parametrize("d", [1, 2, 12])
def test_settled_halves_of_a_crowd_are_none(d: int) -> None:
    """The rule's other side: k-means with one cluster too many halves a crowd."""
    points = crowds(0, 8, each=1_000, d=d)
    centers = first_centers(points, 3, seed=0)
    assert duplicates(points, centers, nearest(points, centers).cluster) == []


def test_centers_at_one_place_are_told_as_dead() -> None:
    points, centers = crowds(0), at(0, 0)
    cluster = nearest(points, centers).cluster
    assert dead(cluster, 2).tolist() == [1]
    assert duplicates(points, centers, cluster) == []


def test_one_in_a_hundred_of_a_large_cluster_is_an_outlier() -> None:
    points, centers = crowds(0, 50, each=2_000), at(0, 50)
    found = nearest(points, centers)
    beyond = outliers_beyond(found, 2)
    share = (found.distance > beyond[found.cluster]).mean()
    assert share == pytest.approx(0.01, abs=0.001)


def test_outliers_of_a_small_cluster_do_not_hide_themselves() -> None:
    points = np.concatenate((crowds(0, each=2_000), crowds(50, each=20), at(60, 61, 62)))
    found = nearest(points, at(0, 50))
    beyond = outliers_beyond(found, 2)
    # The 99 % quantile of 23 distances would lie among those of the three.
    assert np.quantile(found.distance[found.cluster == 1], 0.99) > 10
    assert 2 < beyond[1] < 6
    assert (found.distance[-3:] > beyond[1]).all()


@pytest.mark.parametrize(
    ("points", "centers"),
    [
        pytest.param(np.zeros((1, 3)), np.zeros((1, 3)), id="one user"),
        pytest.param(np.zeros((600, 3)), np.zeros((4, 3)), id="constant features"),
        pytest.param(np.eye(3), np.eye(3), id="as many clusters as users"),
        pytest.param(np.eye(3), np.concatenate((np.eye(3), np.ones((5, 3)))), id="more clusters"),
        pytest.param(np.eye(3) * 1e100, np.eye(3)[:2] * -1e100, id="as far as points may be"),
    ],
)
def test_measures_of_poor_samples_are_finite(points: Floats, centers: Floats) -> None:
    k = len(centers)
    quality = measure(
        points, centers, nearest(points, centers), np.arange(k), np.full(len(points), -1)
    )
    assert np.isfinite([quality.inertia, quality.silhouette]).all()
    assert quality.stability == 1
    assert 0 <= quality.dead < k
    beyond = outliers_beyond(nearest(points, centers), k)
    assert beyond.shape == (k,)
    assert np.isfinite(beyond).all()


def test_a_sample_of_4096_users_is_measured_without_all_their_distances() -> None:
    points = crowds(*range(0, 32, 4), each=512, d=12)
    centers, was = at(*range(0, 32, 4), d=12), np.zeros(4_096, np.int64)
    measure(points[:64], centers, nearest(points[:64], centers), np.arange(8), was[:64])  # imports
    tracemalloc.start()
    found = nearest(points, centers)
    measure(points, centers, found, np.arange(8), was)
    outliers_beyond(found, 8)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_096 * 4_096 * 8 / 4


def test_members_at_one_place_are_judged_by_everyone() -> None:
    """Their mean is off by rounding, which is no distance that a limit could be made of."""
    place = np.repeat([[0.1, 0.3, 0.7]], 333, axis=0)
    scattered = np.random.default_rng(0).normal(5.0, 1.0, (200, 3))
    points = np.concatenate([place, scattered])
    found = nearest(points, np.array([place.mean(axis=0), scattered.mean(axis=0)]))
    beyond = outliers_beyond(found, 2)
    assert beyond[0] == np.quantile(found.distance, 0.99)
    assert beyond[1] == np.quantile(found.distance[333:], 0.99)
