"""Learning against plain River, snapshots against the learner that went on, and bad input."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from river import cluster, preprocessing, stats

from operators.clustering.learning.learner import Learner
from operators.clustering.model import ClusterModel
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
from operators.frame import Floats
from tests.effort import examples

# Neither numpy nor scikit-learn has anything to complain of, whatever comes in.
pytestmark = pytest.mark.filterwarnings("error")

SPACE = Space(
    (Dimension("views"), Dimension("spend"), Dimension("device", "mobile"), Dimension("age"))
)
D = len(SPACE)
NUMERIC = [0, 1, 3]
TAME = st.one_of(st.just(math.nan), st.floats(-1e3, 1e3), st.integers(0, 3).map(float))
WILD = st.one_of(
    TAME,
    st.floats(),
    st.sampled_from([math.inf, -math.inf, 1e308, 1e100, -1e100, 5e-324, 1e-160]),
)
SPECS = st.builds(
    ClusterSpec,
    k=st.integers(2, 5),
    features=st.just(("views", "spend", "device", "age")),
    scale=st.sampled_from(["minmax", "standard"]),
    impute=st.sampled_from(["median", "mean"]),
    halflife=st.sampled_from([0.02, 0.5, 1.0]),
    warm_start=st.integers(5, 12),
)


@st.composite
def batches(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> list[Floats]:
    points = draw(arrays.arrays(np.float64, (draw(st.integers(0, 30)), D), elements=elements))
    points[:, 2] = np.nan_to_num(points[:, 2]) > 1
    cuts = draw(st.lists(st.integers(0, len(points)), max_size=6).map(sorted))
    return np.split(points, cuts)


def known_of(row: Floats) -> dict[int, float]:
    return {i: float(row[i]) for i in NUMERIC if not math.isnan(row[i])}


# Snapshots


def altered(data: bytes, **changes: Any) -> bytes:
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(data), **changes})


@settings(deadline=None, max_examples=examples(150))
@given(SPECS, batches(WILD), st.data())
def test_a_restored_learner_goes_on_as_the_original(
    spec: ClusterSpec, given_batches: list[Floats], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(given_batches)))
    original = Learner(spec, SPACE, seed=4)
    for batch in given_batches[:cut]:
        original.learn(batch)
        original.publish()
    restored = Learner.from_bytes(original.to_bytes(), spec, SPACE, seed=4)
    assert restored.to_bytes() == original.to_bytes()
    for batch in given_batches[cut:]:
        original.learn(batch)
        restored.learn(batch)
        assert restored.to_bytes() == original.to_bytes()
        assert bytes_of(restored.publish()) == bytes_of(original.publish())
    assert bytes_of(restored.finish()) == bytes_of(original.finish())


def bytes_of(model: ClusterModel | None) -> bytes | None:
    return None if model is None else model.to_bytes()


def test_a_snapshot_that_lacks_any_part_goes_on_otherwise() -> None:
    """The negative control: each stored part matters to what is learned next."""
    spec = ClusterSpec(k=2, features=SPACE.names, warm_start=5, scale="standard", impute="mean")
    points = np.random.default_rng(0).normal(size=(40, D))
    original = Learner(spec, SPACE, seed=4)
    original.learn(points[:20])
    data = original.to_bytes()
    parts = msgspec.msgpack.decode(data)
    preparer = parts["preparer"]
    blank = {name: b"\0" * len(value) for name, value in preparer.items()}
    broken = [
        altered(data, centers=b"\0" * len(parts["centers"])),
        altered(data, centers=None),
        altered(data, learned=0),
        *(altered(data, preparer={**preparer, name: blank[name]}) for name in preparer),
    ]
    original.learn(points[20:])
    for case in broken:
        restored = Learner.from_bytes(case, spec, SPACE, seed=4)
        restored.learn(points[20:])
        assert bytes_of(restored.finish()) != bytes_of(original.finish())


# River


def river_started_like(learner: Learner, sample: Floats, scaler: Any) -> tuple[Any, Any, Any]:
    """A plain River imputer, scaler and KMeans with the learner's sample and first centers."""
    imputer = preprocessing.StatImputer(*((i, stats.Mean()) for i in NUMERIC))
    for row in sample:
        imputer.learn_one({i: known_of(row).get(i) for i in NUMERIC})
        scaler.learn_one(known_of(row))
    model = learner.model()
    assert model is not None
    kmeans = cluster.KMeans(len(model.centers), halflife=0.1)
    for held, center in enumerate(model.centers.tolist()):
        kmeans.centers[held].update(enumerate(center))
    return imputer, scaler, kmeans


@settings(deadline=None, max_examples=examples(60))
@given(st.integers(0, 10_000), st.booleans())
def test_centers_equal_those_of_a_river_pipeline_while_the_scale_stands(
    seed: int, gaps: bool
) -> None:
    random = np.random.default_rng(seed)
    points = random.random((90, D)) * [10.0, 1e4, 0.0, 0.1]
    points[:, 2] = random.random(90) < 0.5
    points[0], points[1] = [0, 0, 0, 0], [10, 1e4, 1, 0.1]  # the scale's ends come first
    if gaps:
        hidden = random.random((90, D)) < 0.3
        hidden[:2], hidden[:, 2] = False, False
        points[hidden] = np.nan
    spec = ClusterSpec(k=4, features=SPACE.names, impute="mean", halflife=0.1, warm_start=40)
    learner = Learner(spec, SPACE, seed=seed)
    learner.learn(points[:40])
    imputer, scaler, kmeans = river_started_like(learner, points[:40], preprocessing.MinMaxScaler())
    for row in points[40:]:
        learner.learn(row[np.newaxis])
        x = {i: known_of(row).get(i) for i in NUMERIC}
        imputer.learn_one(x)
        scaler.learn_one(known_of(row))
        kmeans.learn_one({**scaler.transform_one(imputer.transform_one(x)), 2: row[2]})
    model = learner.model()
    assert model is not None
    expected = [[center[i] for i in range(D)] for center in kmeans.centers.values()]
    np.testing.assert_array_equal(model.centers, expected)


@settings(deadline=None, max_examples=examples(60))
@given(st.integers(0, 10_000), st.lists(st.integers(0, 50), max_size=6).map(sorted))
def test_batches_change_nothing_while_the_scale_stands(seed: int, cuts: list[int]) -> None:
    points = np.random.default_rng(seed).random((60, D))
    points[0], points[1] = 0.0, 1.0
    spec = ClusterSpec(k=3, features=SPACE.names, warm_start=10, halflife=0.1)
    whole, cut = Learner(spec, SPACE, seed), Learner(spec, SPACE, seed)
    whole.learn(points)
    for batch in (points[:10], *np.split(points[10:], cuts)):
        cut.learn(batch)
    assert cut.to_bytes() == whole.to_bytes()


@settings(deadline=None, max_examples=examples(150))
@given(st.sampled_from(["minmax", "standard"]), batches(TAME))
def test_scaling_equals_rivers(scale: str, given_batches: list[Floats]) -> None:
    river = preprocessing.MinMaxScaler() if scale == "minmax" else preprocessing.StandardScaler()
    spec = msgspec.convert({"k": 2, "features": SPACE.names, "scale": scale}, ClusterSpec)
    learner = Learner(spec, SPACE, seed=0)
    for batch in given_batches:
        learner.learn(batch)
    points = np.concatenate(given_batches)
    for row in points:
        river.learn_one(known_of(row))
    model = learner.finish()
    if model is None:
        assert not len(points)
        return
    scaled = model.preparation.scaled(points)
    for at, row in enumerate(points):
        for i, expected in river.transform_one(known_of(row)).items():
            assert scaled[at, i] == expected
        assert scaled[at, 2] == row[2]


# Bad input


@settings(deadline=None, max_examples=examples(300))
@given(SPECS, batches(WILD), arrays.arrays(np.float64, (6, D), elements=WILD))
@example(
    ClusterSpec(k=5, features=SPACE.names, warm_start=5),
    [np.full((20, D), 7.0)],  # constant
    np.full((6, D), 7.0),
)
@example(
    ClusterSpec(k=5, features=SPACE.names, warm_start=5, scale="standard"),
    [np.tile([np.nan, np.nan, 0.0, np.nan], (20, 1))],  # all missing
    np.full((6, D), 7.0),
)
@example(
    ClusterSpec(k=3, features=SPACE.names, warm_start=5, scale="standard"),
    list(np.random.default_rng(0).normal(size=(20, 1, D)) * [1e-150, 1e90, 0.0, 1.0]),
    np.array([[1e100, -1e100, 1.0, 0.0]] * 6),
)
def test_no_input_gives_a_model_with_anything_but_numbers(
    spec: ClusterSpec, given_batches: list[Floats], judged: Floats
) -> None:
    learner = Learner(spec, SPACE, seed=4)
    models = []
    for batch in given_batches:
        learner.learn(batch)
        models.append(learner.publish())
    models.append(learner.finish())
    count = sum(map(len, given_batches))
    assert (models[-1] is None) == (count == 0)
    for model in filter(None, models):
        check_model(model, min(spec.k, count))
        check_assignment(model, judged)


def check_model(model: ClusterModel, most_clusters: int) -> None:
    preparation = model.preparation
    for part in (preparation.impute, preparation.offset, preparation.scale):
        assert part.shape == (D,)
        assert np.isfinite(part).all()
    assert (preparation.scale >= 0).all()
    assert 1 <= len(model.centers) <= most_clusters
    assert np.isfinite(model.centers).all()
    assert math.isclose(sum(each.share for each in model.clusters), 1)


def check_assignment(model: ClusterModel, judged: Floats) -> None:
    found = model.assign(judged)
    assert ((found.cluster >= 0) & (found.cluster < len(model.centers))).all()
    assert np.isfinite(found.distance).all()
    assert (found.margin >= 0).all()
    assert np.isfinite(found.margin).all() or len(model.centers) == 1
    again = ClusterModel.from_bytes(model.to_bytes()).assign(judged)
    for mine, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(mine, other)
