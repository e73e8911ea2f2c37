"""The model as bytes: the same model back, or a clear refusal."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from operators.base.errors import JobError
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.clusters import Act, Cluster, Quality
from operators.clustering.learning.learner import Learner
from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
from tests.updates import update_of

SPACE = Space((Dimension("views"), Dimension("spend")))
COLUMNS = {name: FeatureColumn(name, Kind.NUMBER) for name in ("views", "spend")}
SPEC = ClusterSpec(k=2, features=("views", "spend"))
MODEL = ClusterModel(
    version=7,
    learned=1_200,
    river="0.23.0",
    dimensions=SPACE.names,
    meanings=SPACE.meanings,
    preparation=Preparation(np.array([1.0, 2.0]), np.array([0.0, 10.0]), np.array([4.0, 0.0])),
    centers=np.array([[0.0, 0.0], [1.0, 0.0]]),
    clusters=(Cluster(4, "many views", 0.75, 1, 2.5), Cluster(9, "few views", 0.25, 3, 1.5)),
    acts=(Act("split", 9, (4,)),),
    quality=Quality(inertia=0.5, silhouette=0.7, stability=0.99, dead=0, duplicates=0),
)


def altered(data: bytes, **changes: Any) -> bytes:
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(data), **changes})


def test_the_nearest_center_its_distance_and_the_margin() -> None:
    cluster, distance, margin = MODEL.assign(np.array([[1.0, 99.0], [4.0, 10.0], [2.0, 10.0]]))
    assert cluster.tolist() == [0, 1, 0]  # between two, the first
    assert distance.tolist() == [0.25, 0.0, 0.5]
    assert margin.tolist() == [0.5, 1.0, 0.0]


def test_clusters_are_found_by_their_ids() -> None:
    assert MODEL.rows(np.array([9, 4, -1, 5, 12, 4])).tolist() == [1, 0, -1, -1, -1, 0]


def test_missing_and_infinite_coordinates_are_imputed() -> None:
    wild = np.array([[np.nan, 0.0], [np.inf, np.nan], [-np.inf, -np.inf], [1e300, 1.0]])
    imputed = MODEL.assign(np.array([[1.0, 2.0]]))
    found = MODEL.assign(wild)
    assert found.cluster.tolist() == [imputed.cluster[0]] * 4
    assert found.distance.tolist() == [imputed.distance[0]] * 4


def test_bytes_give_the_same_model() -> None:
    again = ClusterModel.from_bytes(MODEL.to_bytes())
    assert again.to_bytes() == MODEL.to_bytes()
    assert (again.version, again.learned, again.river) == (7, 1_200, "0.23.0")
    assert (again.dimensions, again.meanings) == (SPACE.names, SPACE.meanings)
    np.testing.assert_array_equal(again.centers, MODEL.centers)
    assert (again.clusters, again.acts, again.quality) == (
        MODEL.clusters,
        MODEL.acts,
        MODEL.quality,
    )
    assert again.ids.tolist() == [4, 9]
    np.testing.assert_array_equal(again.preparation.impute, MODEL.preparation.impute)


def test_another_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(JobError, match=r"expected format 3, found 4 \(written with river 9.9.9\)"):
        ClusterModel.from_bytes(altered(MODEL.to_bytes(), format=4, river="9.9.9"))
    learner = Learner(SPEC, COLUMNS, seed=0).to_bytes()
    with pytest.raises(JobError, match="expected format 3, found 4"):
        Learner.from_bytes(altered(learner, format=4), SPEC, COLUMNS, seed=0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        MODEL.to_bytes()[:-9],
        msgspec.msgpack.encode([1, 2]),
        Learner(SPEC, COLUMNS, seed=0).to_bytes(),
        altered(MODEL.to_bytes(), centers=b"\0" * 24),
        altered(MODEL.to_bytes(), clusters=[[1]]),
        altered(MODEL.to_bytes(), preparation="text"),
        MODEL.to_bytes().replace(MODEL.river.encode(), b"\xff" * len(MODEL.river)),
    ],
)
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(JobError, match="expected"):
        ClusterModel.from_bytes(data)


def test_arrays_of_other_dimensions_are_no_learner() -> None:
    learner = Learner(SPEC, COLUMNS, seed=0)
    learner.learn(update_of(np.ones((3, 2))))
    sample = msgspec.msgpack.decode(learner.to_bytes())["sample"]
    broken = altered(learner.to_bytes(), sample={**sample, "points": b"\0" * 16})
    with pytest.raises(JobError, match=r"expected the shape \(3, 2\)"):
        Learner.from_bytes(broken, SPEC, COLUMNS, seed=0)
