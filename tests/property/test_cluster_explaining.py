"""Why users are in their clusters, vectorised, against a loop over users and dimensions."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operators.base.arrays import Floats, Ints
from operators.clustering import explaining
from operators.clustering.clusters import Cluster, Quality
from operators.clustering.explaining import Explainer, shares
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import Incumbents
from operators.clustering.preparing.components import Components
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.space import Dimension, Space
from tests.effort import examples

# Some so alike that they meet, and none so small that its square is 0.
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3).map(lambda x: round(x, 3)))
MISSING = st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, 1e300]))


def matrix(rows: int, columns: int, numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    return arrays.arrays(np.float64, (rows, columns), elements=numbers)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Numbers, and categories of several dimensions."""
    dimensions: list[Dimension] = []
    for number in range(draw(st.integers(1, 5))):
        feature = f"f{number}"
        if draw(st.booleans()):
            dimensions.append(Dimension(feature))
        else:
            width = draw(st.integers(1, 3))
            dimensions += [Dimension(feature, f"c{category}") for category in range(width)]
    return Space(tuple(dimensions))


@st.composite
def cases(draw: st.DrawFn) -> tuple[ClusterModel, Space, Floats, Ints]:
    """A model, and users in clusters of it, mostly the nearest ones."""
    space = draw(spaces())
    d, k, n = len(space), draw(st.integers(1, 4)), draw(st.integers(0, 6))
    impute, offset = draw(matrix(2, d, NUMBERS))
    scale = draw(arrays.arrays(np.float64, d, elements=st.sampled_from([0.0, 0.5, 1.0, 7.0])))
    centers = np.where(scale > 0, draw(matrix(k, d, NUMBERS)), 0.0)
    model = model_of(space, Preparation(impute, offset, scale), centers, draw(st.floats(0, 500)))
    points = draw(matrix(n, d, MISSING))
    stays = Incumbents(draw(arrays.arrays(np.int64, n, elements=st.integers(-1, k - 1))), 0.5)
    return model, space, points, model.assign(points, stays).cluster


def model_of(
    space: Space, preparation: Preparation, centers: Floats, beyond: float
) -> ClusterModel:
    return ClusterModel(
        version=1,
        learned=1,
        river="",
        dimensions=space.names,
        meanings=space.meanings,
        preparation=preparation,
        centers=centers,
        clusters=tuple(Cluster(at, f"{at}", 0.0, 1, beyond) for at in range(len(centers))),
        acts=(),
        quality=Quality(0.0, 0.0, 1.0, 0, 0),
    )


def square(a: list[float], b: list[float]) -> float:
    return sum((x - y) * (x - y) for x, y in zip(a, b, strict=True))


@settings(max_examples=examples(66), deadline=None)
@given(cases())
def test_an_explanation_is_what_a_loop_finds(
    case: tuple[ClusterModel, Space, Floats, Ints],
) -> None:
    model, space, points, own = case
    found = Explainer(model, space).explain(points, own)
    assert found.deciding.shape == (len(points), found.deciding.shape[1])
    centers = model.centers.tolist()
    for at, x in enumerate(model.preparation.scaled(points).tolist()):
        squares = [square(x, center) for center in centers]
        mine = squares[own[at]]
        others = [other for row, other in enumerate(squares) if row != own[at]]
        assert found.outlier[at] == (math.sqrt(mine) > model.clusters[0].outlier_beyond)
        assert found.share[at] == pytest.approx(share(squares, int(own[at])))
        if not others:
            assert found.next[at] == own[at]
            assert (found.deciding[at] == -1).all()
            continue
        assert squares[found.next[at]] == min(others)
        assert found.next[at] != own[at]
        check_deciding(
            found.deciding[at].tolist(),
            space,
            [
                (a - theirs) ** 2 - (a - ours) ** 2
                for a, theirs, ours in zip(
                    x, centers[found.next[at]], centers[own[at]], strict=True
                )
            ],
        )


def share(squares: list[float], own: int) -> float:
    """1 over the sum of d_own² / d_j², as Bezdek writes it; alone or evenly at a center."""
    at_center = [row for row, other in enumerate(squares) if other == 0]
    if at_center:
        return (own in at_center) / len(at_center)
    return 1 / sum(squares[own] / other for other in squares)


def check_deciding(dimensions: list[int], space: Space, gains: list[float]) -> None:
    """The features that speak most for a cluster, each by its strongest dimension."""
    names = [dimension.feature for dimension in space.dimensions]
    by_feature = dict.fromkeys(names, 0.0)
    for name, gain in zip(names, gains, strict=True):
        by_feature[name] += gain
    told = [at for at in dimensions if at >= 0]
    assert dimensions == told + [-1] * (len(dimensions) - len(told))
    chosen = [names[at] for at in told]
    assert len(set(chosen)) == len(chosen)
    total = sum(max(gain, 0.0) for gain in by_feature.values())
    rounding = 1e-9 * (1 + sum(map(abs, gains)))
    strengths = [by_feature[name] for name in chosen]
    assert all(a >= b - rounding for a, b in pairwise(strengths))
    for at in told:
        same = [gain for gain, name in zip(gains, names, strict=True) if name == names[at]]
        assert gains[at] >= max(same) - rounding
        assert by_feature[names[at]] > 0.05 * total - rounding
    if len(told) < 3:
        left = [by_feature[name] for name in by_feature if name not in chosen]
        assert all(strength <= 0.05 * total + rounding for strength in left)
    elif len(by_feature) > 3:
        weakest = min(strengths)
        left = [by_feature[name] for name in by_feature if name not in chosen]
        assert all(strength <= weakest + rounding for strength in left)


@given(st.integers(1, 5).flatmap(lambda k: matrix(k, 3, st.floats(0, 1e200))))
def test_soft_memberships_are_shares_of_one(squares: Floats) -> None:
    found = shares(squares)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=0), 1)
    assert (np.diff(np.take_along_axis(found, squares.argsort(axis=0), axis=0), axis=0) <= 0).all()


def test_what_adds_little_does_not_decide() -> None:
    space = Space(tuple(Dimension(f"f{at}") for at in range(4)))
    preparation = Preparation(np.zeros(4), np.zeros(4), np.ones(4))
    centers = np.array([[0.0] * 4, [3.0, 2.0, 10.0, 1.0]])  # 9, 4, 100 and 1 of 114 speak for 0
    model = model_of(space, preparation, centers, 1.0)
    found = Explainer(model, space).explain(np.zeros((1, 4)), np.array([0]))
    assert found.deciding.tolist() == [[2, 0, -1]]


def test_components_are_told_as_features() -> None:
    """In as many components as dimensions the space is but turned, and nothing else is said."""
    random = np.random.default_rng(5)
    sample = random.normal(size=(300, 4)) * [1.0, 5.0, 0.2, 30.0] + random.normal(size=(300, 1))
    space = Space(tuple(Dimension(f"f{at}") for at in range(4)))
    plain = Preparation(np.zeros(4), sample.mean(axis=0), sample.std(axis=0))
    turned = replace(plain, components=Components.fit(plain.scaled(sample), 4))
    centers = plain.scaled(sample[:5])
    model = model_of(space, plain, centers, 1.0)
    other = model_of(space, turned, turned.adopt(centers, plain), 1.0)
    own = model.assign(sample).cluster
    expected = Explainer(model, space).explain(sample, own)
    found = Explainer(other, space).explain(sample, own)
    np.testing.assert_array_equal(found.deciding, expected.deciding)
    np.testing.assert_array_equal(found.next, expected.next)
    np.testing.assert_allclose(found.share, expected.share, atol=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    space = Space(tuple(Dimension(f"f{at}") for at in range(4)))
    preparation = Preparation(np.zeros(4), np.zeros(4), np.ones(4))
    model = model_of(space, preparation, random.normal(size=(5, 4)), 1.0)
    points = random.normal(size=(100, 4))
    own = model.assign(points).cluster
    whole = Explainer(model, space).explain(points, own)
    monkeypatch.setattr(explaining, "_BLOCK", 7)
    for a, b in zip(whole, Explainer(model, space).explain(points, own), strict=True):
        np.testing.assert_array_equal(a, b)
