"""Settling and mending centers: never worse, at rest in the end, and good from a bad start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operators.base.arrays import Floats
from operators.clustering.learning.settling import improved, inertia_of, settled
from operators.clustering.nearest import nearest
from tests.effort import examples

pytestmark = pytest.mark.filterwarnings("error")

COORDINATES = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3))


def points(most: int, fewest: int = 1) -> st.SearchStrategy[Floats]:
    return st.integers(fewest, most).flatmap(
        lambda count: arrays.arrays(np.float64, (count, 2), elements=COORDINATES)
    )


@settings(deadline=None, max_examples=examples(200))
@given(points(30), points(6))
def test_neither_makes_it_worse(sample: Floats, centers: Floats) -> None:
    before, after = inertia_of(sample, centers), inertia_of(sample, settled(sample, centers))
    assert after <= before * (1 + 1e-9) + 1e-9
    mended = improved(sample, centers)
    assert mended.shape == centers.shape
    assert np.isfinite(mended).all()
    assert inertia_of(sample, mended) <= after * (1 + 1e-9) + 1e-9


@settings(deadline=None, max_examples=examples(100))
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_settled_centers_are_the_means_of_their_members(seed: int, k: int) -> None:
    sample = np.random.default_rng(seed).normal(size=(200, 3))
    centers = settled(sample, sample[:k])
    cluster = nearest(sample, centers).cluster
    means = [sample[cluster == held].mean(axis=0) for held in range(k)]
    np.testing.assert_allclose(centers, means, atol=1e-2)


@settings(deadline=None, max_examples=examples(50))
@given(st.integers(0, 10_000), st.integers(3, 8))
def test_blobs_are_found_from_centers_that_are_all_in_one(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.permutation(np.array(np.meshgrid(*[[0, 1]] * 3)).T.reshape(-1, 3))[:k]
    sample = np.repeat(corners, 60, axis=0) + random.normal(0, 0.03, (60 * k, 3))
    bad = sample[:k]  # all of the first corner
    mended = improved(sample, bad)
    assert sorted(nearest(corners, mended).cluster.tolist()) == list(range(k))


def test_a_dead_center_and_a_double_one_are_put_to_use() -> None:
    sample = np.repeat([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0], [12.0, 0.0]], 10, axis=0)
    bad = np.array([[0.0, 0.0], [0.0, 0.0], [10.0, 0.0], [1e6, 0.0]])  # a double, a dead one
    assert inertia_of(sample, settled(sample, bad)) > 0
    assert inertia_of(sample, improved(sample, bad)) == 0
