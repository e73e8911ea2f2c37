"""The record of a model: what its clusters' members are like, and where they lie in a plane."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from operators.base.arrays import Floats
from operators.clustering.clusters import Cluster
from operators.clustering.plane import Plane
from operators.clustering.preparing.components import Components
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.record import DRAWN, describe, model_decoder
from operators.contracts.records import encode
from tests.cluster_models import AT, model

NAN = float("nan")


TWO = model(np.array([[0.0, 0.0, 0.5], [10.0, 0.0, 0.5]]), "views", "spend", "device=mobile")
# Three of the first cluster, two of the second.
SAMPLE = np.array(
    [[0.0, 1.0, 1.0], [1.0, NAN, 0.0], [2.0, 3.0, 1.0], [9.0, NAN, 0.0], [13.0, np.inf, 0.0]]
)


def test_a_record_says_who_the_clusters_are_and_what_became_of_them() -> None:
    found = describe("shoppers", TWO, SAMPLE, AT)
    assert (found.model, found.version, found.at, found.k) == ("shoppers", 3, AT, 2)
    assert (found.learned, found.river) == (1_500, "0.23.0")
    assert (found.acts, found.quality) == (TWO.acts, TWO.quality)
    assert [
        Cluster(c.id, c.name, c.share, c.born, c.outlier_beyond) for c in found.clusters
    ] == list(TWO.clusters)


def test_typical_members_are_told_in_units_and_categories_as_shares() -> None:
    found = describe("shoppers", TWO, SAMPLE, AT)
    first, second = found.clusters
    assert first.typical == {"views": 1.0, "spend": 2.0, "device=mobile": 0.666667}
    assert second.typical == {"views": 11.0, "spend": None, "device=mobile": 0.0}
    assert found.everyone == {"views": 2.0, "spend": 2.0, "device=mobile": 0.4}


def test_members_are_set_against_everyone_in_standard_deviations() -> None:
    first, second = describe("shoppers", TWO, SAMPLE, AT).clusters
    views = np.array([0.0, 1.0, 2.0, 9.0, 13.0])
    assert first.standardised["views"] == pytest.approx((1 - 5) / views.std(), rel=1e-5)
    assert second.standardised["views"] == pytest.approx((11 - 5) / views.std(), rel=1e-5)
    assert first.standardised["spend"] == pytest.approx(0, abs=1e-9)
    assert second.standardised["spend"] is None  # of none of them it is known


def test_what_is_the_same_of_everyone_has_no_deviation() -> None:
    alike = np.full((7, 3), 0.1)
    found = describe("shoppers", TWO, alike, AT)
    assert found.clusters[0].standardised == dict.fromkeys(TWO.dimensions)
    assert [axis.explained for axis in found.axes] == [0.0, 0.0]
    assert found.axes[0].loadings == dict.fromkeys(TWO.dimensions)


def test_the_picture_shows_users_and_centers_in_the_plane_in_which_they_differ_most() -> None:
    chance = np.random.default_rng(5)
    along = chance.normal(size=1_000)
    points = np.column_stack([3 * along, -along, 0.1 * chance.normal(size=1_000)])
    found = describe("shoppers", TWO, points, AT)
    explained = [axis.explained for axis in found.axes]
    assert explained[0] > 0.99
    assert sum(explained) == pytest.approx(1, abs=2e-3)
    loadings = found.axes[0].loadings
    assert loadings["views"] == pytest.approx(1, abs=1e-3)
    assert loadings["spend"] == pytest.approx(-1, abs=1e-3)
    assert abs(loadings["device=mobile"] or 0) < 0.2
    # The plane of two centers apart by 10 in the first dimension: it has nearly all of that.
    (x, y), (x_second, y_second) = (cluster.place for cluster in found.clusters)
    assert np.hypot(x_second - x, y_second - y) == pytest.approx(9.49, abs=0.02)
    assert len(found.users) == DRAWN
    of_cluster = model_of(points)
    assert {user[0] for user in found.users} == {10, 11}
    assert (found.users[0][0], found.users[-1][0]) == (of_cluster[0], of_cluster[-1])


def model_of(points: Floats) -> list[int]:
    return [int(TWO.ids[row]) for row in TWO.assign(points).cluster]


def test_correlations_are_of_those_of_whom_the_dimension_is_known() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, NAN, 0.0], [2.0, -1.0, 0.0], [9.0, -8.0, 0.0]])
    found = describe("shoppers", TWO, points, AT)
    assert found.axes[0].loadings["device=mobile"] is None
    assert found.axes[0].loadings["spend"] == pytest.approx(-1, abs=0.01)


@pytest.mark.parametrize(
    "sample",
    [
        np.empty((0, 3)),
        np.full((3, 3), NAN),
        np.full((3, 3), np.inf),
        np.array([[1e100, -1e100, 1.0], [-1e100, 1e300, 0.0], [0.0, 1e-300, 0.0]]),
        np.array([[5e-324, 1e99, 0.0], [1e-320, -1e99, 1.0]]),
    ],
)
def test_whatever_the_sample_every_number_is_finite(sample: Floats) -> None:
    found = describe("shoppers", TWO, sample, AT)
    # JSON has no NaN and no infinity: msgspec would write null, which these fields don't take.
    assert model_decoder.decode(encode(found)) == found


def test_one_dimension_has_a_plane_with_an_empty_second_axis() -> None:
    one = model(np.array([[0.0], [4.0]]), "views")
    found = describe("shoppers", one, np.array([[0.0], [1.0], [5.0]]), AT)
    assert [axis.explained for axis in found.axes] == [1.0, 0.0]
    assert [cluster.place for cluster in found.clusters] == [(-2.0, 0.0), (2.0, 0.0)]


def test_components_that_take_the_place_of_dimensions_are_told_with_what_they_explain() -> None:
    points = np.array([[0.0, 4.0], [2.0, 4.0], [4.0, 0.0], [6.0, 0.0]])
    scaling = Preparation(np.zeros(2), np.zeros(2), np.ones(2))
    preparation = replace(scaling, components=Components.fit(points, 1))
    turned = replace(model(np.zeros((1, 1)), "views", "spend"), preparation=preparation)
    (found,) = describe("m", turned, points, AT).pca
    variances = np.linalg.eigvalsh(np.cov(points.T))
    assert found.explained == pytest.approx(variances[1] / variances.sum(), rel=1e-5)
    (along,) = preparation.scaled(points).T
    by_numpy = {
        name: np.corrcoef(along, column)[0, 1]
        for name, column in zip(("views", "spend"), points.T, strict=True)
    }
    assert found.loadings == pytest.approx(by_numpy, abs=1e-5)
    assert (
        describe("m", replace(turned, preparation=scaling, centers=points[:1]), points, AT).pca
        == ()
    )


def test_a_record_in_json_is_read_back() -> None:
    found = describe("shoppers", TWO, SAMPLE, AT)
    text = encode(found)
    assert model_decoder.decode(text) == found
    assert msgspec.json.decode(text)["clusters"][1]["typical"]["spend"] is None


def test_the_plane_is_that_of_the_singular_value_decomposition() -> None:
    points = np.random.default_rng(1).normal(size=(50, 4)) * [5, 1, 3, 0.1]
    plane = Plane.of(points)
    _, singular, directions = np.linalg.svd(points - points.mean(axis=0))
    np.testing.assert_allclose(plane.explained, (singular**2 / (singular**2).sum())[:2])
    np.testing.assert_allclose(np.abs(plane.directions), np.abs(directions[:2]), atol=1e-9)
    assert (plane.directions.max(axis=1) == np.abs(plane.directions).max(axis=1)).all()
