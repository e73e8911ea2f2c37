"""Learning against plain River, snapshots against the learner that went on, and bad input."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from river import cluster

from operators.base.arrays import Floats
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.learning.learner import Learner
from operators.clustering.learning.sample import SampleUpdate
from operators.clustering.model import ClusterModel
from operators.clustering.spec import ClusterSpec
from tests.effort import examples
from tests.updates import update_of, updates_of

# Neither numpy nor scikit-learn has anything to complain of, whatever comes in, but that far
# outliers, which robust scaling leaves where they are, hide how the others differ.
pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.filterwarnings("ignore:Number of distinct clusters"),
]

COLUMNS = {
    "views": FeatureColumn("views", Kind.NUMBER, counts=True),
    "spend": FeatureColumn("spend", Kind.NUMBER),
    "device": FeatureColumn("device", Kind.CATEGORY, categories=("mobile",)),
    "age": FeatureColumn("age", Kind.AGE, unit_us=60_000_000),
}
D = len(COLUMNS)
WILD = st.one_of(
    *(st.just(math.nan), st.floats(-1e3, 1e3), st.integers(0, 3).map(float)),
    st.floats(),
    st.sampled_from([math.inf, -math.inf, 1e308, 1e100, -1e100, 5e-324, 1e-160]),
)
SPECS = st.builds(
    ClusterSpec,
    k=st.integers(2, 5),
    features=st.just(("views", "spend", "device", "age")),
    log=st.sampled_from([(), "auto", ("spend",)]),
    scale=st.sampled_from(["minmax", "standard", "robust"]),
    impute=st.sampled_from(["median", "mean", "model"]),
    pca=st.sampled_from([None, 2, D]),
    halflife=st.sampled_from([0.02, 0.5, 1.0]),
    warm_start=st.integers(5, 12),
)


@st.composite
def updates(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> list[SampleUpdate]:
    points = draw(arrays.arrays(np.float64, (draw(st.integers(0, 30)), D), elements=elements))
    points[:, 2] = np.nan_to_num(points[:, 2]) > 1
    own = draw(st.lists(st.integers(0, 20), min_size=len(points), max_size=len(points)))
    cuts = [0, *draw(st.lists(st.integers(0, len(points)), max_size=6).map(sorted)), len(points)]
    found = []
    for start, end in pairwise(cuts):
        last = {who: at for at, who in enumerate(own[start:end], start)}
        found.append(update_of(points[list(last.values())], list(last)))
    return found


# Snapshots


def altered(data: bytes, **changes: Any) -> bytes:
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(data), **changes})


@settings(deadline=None, max_examples=examples(40))
@given(SPECS, updates(WILD), st.data())
def test_a_restored_learner_goes_on_as_the_original(
    spec: ClusterSpec, given_updates: list[SampleUpdate], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(given_updates)))
    original = Learner(spec, COLUMNS, seed=4)
    for update in given_updates[:cut]:
        original.learn(update)
        original.publish()
    restored = Learner.from_bytes(original.to_bytes(), spec, COLUMNS, seed=4)
    assert restored.to_bytes() == original.to_bytes()
    for update in given_updates[cut:]:
        original.learn(update)
        restored.learn(update)
        assert restored.to_bytes() == original.to_bytes()
        assert bytes_of(restored.publish()) == bytes_of(original.publish())
    assert bytes_of(restored.finish()) == bytes_of(original.finish())


def bytes_of(model: ClusterModel | None) -> bytes | None:
    return None if model is None else model.to_bytes()


def test_a_snapshot_that_lacks_any_part_goes_on_otherwise() -> None:
    """The negative control: each stored part matters to what is learned next."""
    spec = ClusterSpec(k=2, features=tuple(COLUMNS), warm_start=5, scale="standard", impute="mean")
    points = np.random.default_rng(0).normal(size=(40, D))
    original = Learner(spec, COLUMNS, seed=4)
    original.learn(update_of(points[:20]))
    original.publish()
    data = original.to_bytes()
    parts = msgspec.msgpack.decode(data)
    sample = parts["sample"]
    blank = {name: b"\0" * len(value) for name, value in sample.items()}
    broken = [
        altered(data, centers=b"\0" * len(parts["centers"])),
        altered(data, model=None),
        altered(data, learned=0),
        altered(data, next_id=0),
        *(altered(data, sample={**sample, name: blank[name]}) for name in ("tickets", "points")),
    ]
    (update,) = updates_of(points[20:], 20, first=20)
    original.learn(update)
    for case in broken:
        restored = Learner.from_bytes(case, spec, COLUMNS, seed=4)
        restored.learn(update)
        assert (bytes_of(restored.finish()), restored.to_bytes()) != (
            bytes_of(original.finish()),
            original.to_bytes(),
        )


# River


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(0, 10_000), st.lists(st.integers(0, 60), max_size=12).map(sorted))
def test_between_versions_centers_are_those_of_river(seed: int, cuts: list[int]) -> None:
    points = np.random.default_rng(seed).random((100, D)) * [10.0, 1e4, 1.0, 0.1]
    spec = ClusterSpec(k=4, features=tuple(COLUMNS), halflife=0.1, warm_start=40)
    learner = Learner(spec, COLUMNS, seed=seed)
    learner.learn(update_of(points[:40]))
    model = learner.publish()
    assert model is not None
    kmeans = cluster.KMeans(len(model.centers), halflife=0.1)
    for held, center in enumerate(model.centers.tolist()):
        kmeans.centers[held].update(enumerate(center))
    for batch in np.split(points[40:], cuts):
        for few in range(0, len(batch), 8):  # of more at once, only some are followed
            learner.learn(update_of(batch[few : few + 8]))
    for row in model.preparation.scaled(points[40:]).tolist():
        kmeans.learn_one(dict(enumerate(row)))
    expected = [[center[i] for i in range(D)] for center in kmeans.centers.values()]
    np.testing.assert_array_equal(learner.centers, expected)


# Bad input


@settings(deadline=None, max_examples=examples(80))
@given(SPECS, updates(WILD), arrays.arrays(np.float64, (6, D), elements=WILD))
@example(
    ClusterSpec(k=5, features=tuple(COLUMNS), warm_start=5),
    [update_of(np.full((20, D), 7.0))],  # constant
    np.full((6, D), 7.0),
)
@example(
    ClusterSpec(k=5, features=tuple(COLUMNS), warm_start=5, scale="standard"),
    [update_of(np.tile([np.nan, np.nan, 0.0, np.nan], (20, 1)))],  # all missing
    np.full((6, D), 7.0),
)
@example(
    ClusterSpec(k=3, features=tuple(COLUMNS), warm_start=5, scale="standard"),
    updates_of(np.random.default_rng(0).normal(size=(20, D)) * [1e-150, 1e90, 0.0, 1.0], 1),
    np.array([[1e100, -1e100, 1.0, 0.0]] * 6),
)
def test_no_input_gives_a_model_with_anything_but_numbers(
    spec: ClusterSpec, given_updates: list[SampleUpdate], judged: Floats
) -> None:
    learner = Learner(spec, COLUMNS, seed=4)
    models = []
    for update in given_updates:
        learner.learn(update)
        models.append(learner.publish())
    models.append(learner.finish())
    count = len(learner.sample)
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
