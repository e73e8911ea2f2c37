"""The life of a model: collecting, start, versions, end, and a config that changed."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from operators.clustering.learning.learner import PUBLISH_EVERY, RECENT, Learner, worth_publishing
from operators.clustering.model import ClusterModel
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
from operators.frame import Floats

SPACE = Space((Dimension("views"), Dimension("spend"), Dimension("device", "mobile")))
SPEC = ClusterSpec(k=3, features=("views", "spend", "device"), warm_start=60)


def profiles(count: int, seed: int = 0) -> Floats:
    """Three kinds of user, far apart, one after the other."""
    kinds = np.array([[0.0, 0.0, 1.0], [50.0, 10.0, 0.0], [100.0, 900.0, 1.0]])
    noise = np.random.default_rng(seed).normal(size=(count, 3)) * [1.0, 5.0, 0.0]
    points: Floats = kinds[np.arange(count) % 3] + noise
    return points


def known(model: ClusterModel | None) -> ClusterModel:
    assert model is not None
    return model


def test_the_rule_of_publishing() -> None:
    assert worth_publishing(None, 1)
    assert not worth_publishing(500, 500 + PUBLISH_EVERY - 1)
    assert worth_publishing(500, 500 + PUBLISH_EVERY)


def test_versions_count_up_by_one_as_profiles_are_learned() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    published = []
    for batch in np.split(profiles(2_000), 200):
        learner.learn(batch)
        model = learner.publish()
        if model is not None:
            published.append((model.version, model.learned))
    assert published == [(1, 60), (2, 560), (3, 1_060), (4, 1_560)]
    last = known(learner.finish())
    assert (last.version, last.learned) == (5, 2_000)
    assert known(learner.finish()).to_bytes() == last.to_bytes()
    assert learner.publish() is None


def test_a_large_batch_is_one_version() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(3_000))
    assert known(learner.publish()).version == 1
    assert known(learner.finish()).version == 1


def test_there_is_no_model_before_the_warm_start() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(59))
    assert learner.model() is None
    assert learner.publish() is None
    learner.learn(profiles(1, seed=5))
    assert known(learner.publish()).learned == 60


def test_the_number_of_clusters_is_chosen_at_the_start() -> None:
    learner = Learner(msgspec.structs.replace(SPEC, k="auto", k_range=(2, 6)), SPACE, seed=1)
    learner.learn(profiles(60))
    assert len(known(learner.publish()).clusters) == 3


def test_nothing_learned_is_no_model() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(np.empty((0, 3)))
    assert learner.finish() is None


def test_a_short_run_ends_with_a_model_of_what_there_is() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(30))
    last = known(learner.finish())
    assert (last.version, last.learned) == (1, 30)
    np.testing.assert_allclose([each.share for each in last.clusters], [1 / 3] * 3)
    groups = last.assign(profiles(30)).cluster.reshape(10, 3)
    assert len(set(groups[0])) == 3
    assert (groups == groups[0]).all()


def test_a_learner_that_goes_on_after_the_end_starts_as_if_there_had_been_none() -> None:
    ended, other = Learner(SPEC, SPACE, seed=1), Learner(SPEC, SPACE, seed=1)
    for learner in (ended, other):
        learner.learn(profiles(30))
    ended.finish()
    for learner in (ended, other):
        learner.learn(profiles(70, seed=3))
    first, second = known(ended.publish()), known(other.publish())
    assert (first.version, second.version) == (2, 1)
    np.testing.assert_array_equal(first.centers, second.centers)


@pytest.mark.parametrize(("distinct", "clusters"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_no_more_clusters_than_distinct_profiles(distinct: int, clusters: int) -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    points = profiles(distinct)
    learner.learn(np.repeat(points, 4, axis=0))
    model = known(learner.finish())
    assert len(model.centers) == clusters
    if distinct <= SPEC.k:
        np.testing.assert_allclose(model.assign(points).distance, 0, atol=1e-12)


def test_one_cluster_has_no_next_one() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(1))
    cluster, distance, margin = known(learner.finish()).assign(profiles(1))
    assert (cluster[0], distance[0], margin[0]) == (0, 0.0, np.inf)


@pytest.mark.parametrize("scale", ["minmax", "standard"])
def test_centers_stay_in_their_units_while_the_scale_moves(scale: str) -> None:
    spec = msgspec.structs.replace(SPEC, scale=scale)
    learner = Learner(spec, SPACE, seed=1)
    learner.learn(profiles(60))
    before = known(learner.model())
    far = np.array([[100.0, 5_000.0, 1.0]])
    touched = before.assign(far).cluster[0]
    learner.learn(far)
    after = known(learner.model())
    others = np.arange(3) != touched
    stood = before.preparation.in_units(before.centers)[others]
    stand = after.preparation.in_units(after.centers)[others]
    np.testing.assert_allclose(stand, stood, rtol=1e-9, atol=1e-9)
    # Without the change of scale the same numbers would mean other places.
    assert np.abs(after.preparation.in_units(before.centers)[others] - stood).max() > 10


def test_only_recent_profiles_are_kept() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(60))
    recent = profiles(RECENT) + np.array([1_000.0, 0.0, 0.0])
    learner.learn(recent)
    model = known(learner.model())
    assert model.preparation.impute[0] == np.median(recent[:, 0])
    assert len(learner.to_bytes()) < RECENT * 3 * 8 + 2_000


def test_one_hot_dimensions_are_neither_imputed_nor_scaled() -> None:
    for scale in ("minmax", "standard"):
        learner = Learner(msgspec.structs.replace(SPEC, scale=scale), SPACE, seed=1)
        learner.learn(profiles(60))
        preparation = known(learner.model()).preparation
        assert [part[2] for part in (preparation.impute, preparation.offset)] == [0.0, 0.0]
        assert preparation.scale[2] == 1.0


@pytest.mark.parametrize("change", ["k", "scale", "impute", "dimensions"])
def test_another_model_begins_anew_but_its_versions_count_on(change: str) -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(60))
    learner.publish()
    settings = {"k": 2, "scale": "standard", "impute": "mean"}
    spec = msgspec.structs.replace(
        SPEC, **{name: value for name, value in settings.items() if name == change}
    )
    space = Space(SPACE.dimensions[:2]) if change == "dimensions" else SPACE
    again = Learner.from_bytes(learner.to_bytes(), spec, space, seed=1)
    assert again.model() is None
    again.learn(profiles(60)[:, : len(space)])
    model = known(again.publish())
    assert (model.version, model.learned) == (2, 60)


def test_a_model_goes_on_with_another_halflife_or_warm_start() -> None:
    learner = Learner(SPEC, SPACE, seed=1)
    learner.learn(profiles(40))
    spec = msgspec.structs.replace(SPEC, halflife=0.5, warm_start=30)
    again = Learner.from_bytes(learner.to_bytes(), spec, SPACE, seed=1)
    again.learn(profiles(5, seed=2))
    model = known(again.publish())
    assert (model.version, model.learned) == (1, 45)


def test_threads_may_take_turns() -> None:
    alone, shared = Learner(SPEC, SPACE, seed=1), Learner(SPEC, SPACE, seed=1)
    for batch in np.split(profiles(300), 30):
        alone.learn(batch)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(shared.learn, batch).result()
    assert shared.to_bytes() == alone.to_bytes()


RUN = """
import hashlib, sys
import numpy as np
from operators.clustering.learning.learner import Learner
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
assert not {"river", "sklearn", "pandas", "scipy"} & set(sys.modules)
space = Space(tuple(Dimension(name) for name in ("views", "spend", "carts", "age")))
learner = Learner(ClusterSpec(k=4, features=space.names, scale="standard"), space, seed=3)
random = np.random.default_rng(0)
for _ in range(200):
    learner.learn(random.lognormal(size=(8, 4)))
print(hashlib.sha256(learner.to_bytes()).hexdigest())
"""


def test_processes_learn_alike_and_import_learning_late() -> None:
    root = Path(__file__).parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", RUN],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
