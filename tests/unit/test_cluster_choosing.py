"""The number of clusters that there are is found, and poor samples have a choice, too."""

from __future__ import annotations

import numpy as np
import pytest

from operators.base.arrays import Floats
from operators.clustering.learning.choosing import TOLERANCE, choose
from tests.blobs import blobs

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("k", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_number_of_blobs_is_found(k: int, seed: int) -> None:
    points, _ = blobs(400, k, seed)
    choice = choose(points, 2, 10, seed)
    assert choice.k == k
    assert [tried for tried, _ in choice.curve] == list(range(2, 11))
    assert max(choice.curve, key=lambda point: point[1])[0] == k


@pytest.mark.parametrize(("fewest", "most", "k"), [(2, 3, 3), (5, 8, 5)])
def test_the_choice_stays_in_its_range(fewest: int, most: int, k: int) -> None:
    points, _ = blobs(300, 4, seed=0)
    assert choose(points, fewest, most, seed=0).k == k


def test_a_larger_k_must_be_better_by_more_than_the_tolerance() -> None:
    points = np.random.default_rng(0).normal(size=(400, 4))  # one crowd: all k are as poor
    choice = choose(points, 2, 8, seed=0)
    heights = dict(choice.curve)
    assert heights[choice.k] >= max(heights.values()) - TOLERANCE
    assert all(heights[k] < max(heights.values()) - TOLERANCE for k in range(2, choice.k))


def test_other_samples_of_the_same_users_choose_the_same() -> None:
    points, _ = blobs(900, 5, seed=3)
    assert {choose(points[start::3], 2, 8, seed=start).k for start in range(3)} == {5}


@pytest.mark.parametrize(
    ("points", "k", "tried"),
    [
        pytest.param(np.zeros((1, 3)), 3, [], id="one user"),
        pytest.param(np.zeros((50, 3)), 3, [], id="constant features"),
        pytest.param(np.repeat(np.eye(4), 9, axis=0), 4, [3, 4], id="few distinct profiles"),
        pytest.param(np.eye(4), 3, [3, 4], id="as many clusters as users"),
    ],
)
def test_poor_samples(points: Floats, k: int, tried: list[int]) -> None:
    choice = choose(points, 3, 8, seed=0)
    assert choice.k == k
    assert [each for each, _ in choice.curve] == tried
    assert np.isfinite([height for _, height in choice.curve]).all()
