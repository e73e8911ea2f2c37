"""Clusters that are there are found, at the start and after a stream of profiles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans

from operators.base.arrays import Floats
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.learning.learner import Learner
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.nearest import nearest
from operators.clustering.spec import ClusterSpec
from tests.blobs import blobs
from tests.updates import updates_of

CASES = list(itertools.product(range(3, 9), range(5)))


def inertia(points: Floats, centers: Floats) -> float:
    return float((nearest(points, centers).distance ** 2).sum())


def purely(points: Floats, kind: Floats, centers: Floats) -> bool:
    """Whether clusters and kinds are the same but for their numbers."""
    pairs = set(zip(nearest(points, centers).cluster.tolist(), kind.tolist(), strict=True))
    return len(pairs) == len(centers) == len(set(kind.tolist()))


@pytest.mark.parametrize(("k", "seed"), CASES)
def test_the_warm_start_finds_blobs(k: int, seed: int) -> None:
    points, _ = blobs(400, k, seed)
    best = KMeans(k, n_init=10, random_state=seed + 100).fit(points).inertia_
    assert inertia(points, first_centers(points, k, seed)) <= 1.001 * best


def test_a_profile_that_many_share_weighs_as_many() -> None:
    points = np.repeat([[0.0], [3.0], [9.0]], [1_000, 1_000, 1], axis=0)
    # With each place counted once, {0, 3} and {9} would be the better clusters.
    centers = first_centers(points, 2, seed=0)
    np.testing.assert_allclose(np.sort(centers[:, 0]), [0.0, 3_009 / 1_001])


@pytest.mark.parametrize("scale", ["minmax", "standard"])
@pytest.mark.parametrize(("k", "seed"), CASES[::4])
def test_a_stream_of_profiles_ends_near_the_batch_optimum(k: int, seed: int, scale: str) -> None:
    columns = {name: FeatureColumn(name, Kind.NUMBER) for name in "abc"}
    spec = ClusterSpec(k=k, features=tuple(columns), scale=scale)  # type: ignore[arg-type]
    points, kind = blobs(2_500, k, seed)
    units = points * [1.0, 1e4, 1e-3] + [0.0, 7.0, -5.0]
    learner = Learner(spec, columns, seed)
    for update in updates_of(units, 25):
        learner.learn(update)
        learner.publish()
    model = learner.finish()
    assert model is not None
    scaled = model.preparation.scaled(units)
    assert purely(scaled, kind, model.centers)
    best = KMeans(k, n_init=10, random_state=seed + 100).fit(scaled).inertia_
    assert inertia(scaled, model.centers) <= 1.001 * best
    np.testing.assert_allclose([each.share for each in model.clusters], 1 / k, atol=0.1)


def test_the_check_tells_a_poor_start_from_a_good_one() -> None:
    """The negative control: centers at the first points fail both checks above."""
    points, kind = blobs(400, 5, seed=0)
    poor = points[10:15]
    assert not purely(points, kind, poor)
    assert inertia(points, poor) > 1.05 * inertia(points, first_centers(points, 5, seed=0))
