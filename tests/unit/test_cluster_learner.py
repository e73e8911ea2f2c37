"""The life of a model: collecting, start, versions, end, and a config that changed."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from operators.base.arrays import Floats
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.learning.learner import Learner, without_users, worth_publishing
from operators.clustering.model import ClusterModel
from operators.clustering.spec import ClusterSpec
from tests.updates import update_of, updates_of

COLUMNS = {
    "views": FeatureColumn("views", Kind.NUMBER, counts=True),
    "spend": FeatureColumn("spend", Kind.NUMBER),
    "device": FeatureColumn("device", Kind.CATEGORY, categories=("mobile",)),
}
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
    assert not worth_publishing(500, 999)
    assert worth_publishing(500, 1_000)
    assert not worth_publishing(10_000, 12_666)  # a quarter of all
    assert worth_publishing(10_000, 13_334)
    assert worth_publishing(10**9, 10**9 + 8_000)  # an old model follows, too


def test_versions_count_up_by_one_as_profiles_are_learned() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    published = []
    for update in updates_of(profiles(2_000), 10):
        learner.learn(update)
        model = learner.publish()
        if model is not None:
            published.append((model.version, model.learned))
    assert published == [(1, 60), (2, 560), (3, 1_060), (4, 1_560)]
    last = known(learner.finish())
    assert (last.version, last.learned) == (5, 2_000)
    assert known(learner.finish()).to_bytes() == last.to_bytes()
    assert learner.publish() is None


def test_a_large_update_is_one_version() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(3_000)))
    assert known(learner.publish()).version == 1
    assert known(learner.finish()).version == 1


def test_there_is_no_model_before_the_warm_start() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(59)))
    assert learner.publish() is None
    learner.learn(update_of(profiles(1, seed=5)))
    assert known(learner.publish()).learned == 60


def test_the_number_of_clusters_is_chosen_at_the_start() -> None:
    learner = Learner(msgspec.structs.replace(SPEC, k="auto", k_range=(2, 6)), COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    model = known(learner.publish())
    assert len(model.clusters) == 3
    assert [k for k, _ in model.curve] == [2, 3, 4, 5, 6]
    assert max(model.curve, key=lambda tried: tried[1])[0] == 3


def test_nothing_learned_is_no_model() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(np.empty((0, 3))))
    assert learner.publish() is None
    assert learner.finish() is None


def test_a_short_run_ends_with_a_model_of_what_there_is() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(30)))
    last = known(learner.finish())
    assert (last.version, last.learned) == (1, 30)
    np.testing.assert_allclose([each.share for each in last.clusters], [1 / 3] * 3)
    groups = last.assign(profiles(30)).cluster.reshape(10, 3)
    assert len(set(groups[0])) == 3
    assert (groups == groups[0]).all()


@pytest.mark.parametrize(("distinct", "clusters"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_no_more_clusters_than_distinct_profiles(distinct: int, clusters: int) -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    points = profiles(distinct)
    learner.learn(update_of(np.repeat(points, 4, axis=0)))
    model = known(learner.finish())
    assert len(model.centers) == clusters
    if distinct <= SPEC.k:
        np.testing.assert_allclose(model.assign(points).distance, 0, atol=1e-12)


def test_clusters_come_when_there_are_profiles_for_them() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(np.repeat(profiles(1), 60, axis=0)))
    assert len(known(learner.publish()).clusters) == 1
    learner.learn(update_of(profiles(600)))
    assert len(known(learner.publish()).clusters) == 3


def test_one_cluster_has_no_next_one() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(1)))
    cluster, distance, margin = known(learner.finish()).assign(profiles(1))
    assert (cluster[0], distance[0], margin[0]) == (0, 0.0, np.inf)


def test_river_follows_what_comes_between_versions() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    model = known(learner.publish())
    np.testing.assert_array_equal(learner.centers, model.centers)
    far = np.array([[100.0, 950.0, 1.0]])
    learner.learn(update_of(far, [0]))
    touched = model.assign(far).cluster[0]
    moved = np.abs(learner.centers - model.centers).sum(axis=1)
    assert moved[touched] > 0
    assert np.delete(moved, touched).max() == 0
    towards = (model.preparation.scaled(far) - model.centers[touched])[0] * SPEC.halflife
    np.testing.assert_allclose(learner.centers[touched] - model.centers[touched], towards)


def test_clusters_keep_their_ids_while_they_move() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(600)))
    first = known(learner.publish())
    for day in range(1, 4):
        drifted = profiles(1_200, seed=day) + np.array([3.0 * day, 20.0 * day, 0.0])
        learner.learn(update_of(drifted))
        model = known(learner.publish())
        # Whoever was of a kind is of the same cluster as on the first day.
        kinds = first.ids[first.assign(profiles(3)).cluster]
        assert model.ids[model.assign(drifted[:3]).cluster].tolist() == kinds.tolist()
        assert model.acts == ()


def test_a_new_kind_of_user_makes_a_cluster_with_a_new_id() -> None:
    spec = msgspec.structs.replace(SPEC, k=4)
    learner = Learner(spec, COLUMNS, seed=1)
    learner.learn(update_of(profiles(600)))
    before = known(learner.publish())
    newcomers = np.random.default_rng(3).normal([300.0, 50.0, 0.0], [1.0, 5.0, 0.0], (300, 3))
    (update,) = updates_of(newcomers, 300, first=10_000)
    learner.learn(update)
    learner.learn(update)  # five hundred profiles make a version
    after = known(learner.publish())
    theirs = set(after.ids[after.assign(newcomers).cluster].tolist())
    assert theirs.isdisjoint(before.ids.tolist())
    assert len(theirs) == 1
    assert min(theirs) > before.ids.max()


def test_who_is_forgotten_leaves_the_sample() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    learner.learn(update_of(np.empty((0, 3)), gone=range(50)))
    assert learner.sample.tickets.tolist() == list(range(50, 60))
    learner.learn(update_of(np.empty((0, 3)), gone=range(60)))
    assert not len(learner.sample)
    assert learner.publish() is None


def test_one_hot_dimensions_are_neither_imputed_nor_scaled() -> None:
    for scale in ("minmax", "standard"):
        learner = Learner(msgspec.structs.replace(SPEC, scale=scale), COLUMNS, seed=1)
        learner.learn(update_of(profiles(60)))
        preparation = known(learner.publish()).preparation
        assert [part[2] for part in (preparation.impute, preparation.offset)] == [0.0, 0.0]
        assert preparation.scale[2] == 1.0


def test_other_dimensions_begin_anew_but_versions_and_ids_count_on() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    before = known(learner.publish())
    spec = msgspec.structs.replace(SPEC, features=("views", "spend"))
    again = Learner.from_bytes(learner.to_bytes(), spec, COLUMNS, seed=1)
    assert again.anew
    assert not len(again.sample)
    again.learn(update_of(profiles(60)[:, :2]))
    model = known(again.publish())
    assert (model.version, model.learned) == (2, 60)
    assert model.ids.min() > before.ids.max()


@pytest.mark.parametrize("change", [{"k": 2}, {"scale": "standard"}, {"impute": "mean"}])
def test_the_same_dimensions_otherwise_are_fitted_anew_at_once(change: dict[str, Any]) -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    before = known(learner.publish())
    spec = msgspec.structs.replace(SPEC, **change)
    again = Learner.from_bytes(learner.to_bytes(), spec, COLUMNS, seed=1)
    assert not again.anew
    model = known(again.publish())
    assert (model.version, model.learned, len(model.clusters)) == (2, 60, spec.k)
    assert set(model.ids.tolist()) <= set(before.ids.tolist())


def test_a_model_that_was_gone_counts_on_without_its_users() -> None:
    learner = Learner(SPEC, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    before = known(learner.publish())
    for spec in (SPEC, msgspec.structs.replace(SPEC, scale="standard")):
        again = Learner.from_bytes(without_users(learner.to_bytes()), spec, COLUMNS, seed=1)
        assert not len(again.sample)
        assert again.publish() is None
        # The first who come are few, and no version is made of them alone.
        again.learn(update_of(profiles(60)))
        assert again.publish() is None
        again.learn(update_of(profiles(500)))
        model = known(again.publish())
        assert model.version == 2
        assert model.ids.tolist() == before.ids.tolist()


def test_a_name_that_a_person_gives_chooses_no_other_number_of_clusters() -> None:
    spec = msgspec.structs.replace(SPEC, k="auto", k_range=(2, 6))
    learner = Learner(spec, COLUMNS, seed=1)
    learner.learn(update_of(profiles(60)))
    before = known(learner.publish())
    # By what comes next there would be one cluster more.
    more = np.random.default_rng(3).normal([300.0, 50.0, 0.0], [1.0, 5.0, 0.0], (40, 3))
    learner.learn(update_of(more, range(100, 140)))
    named = msgspec.structs.replace(spec, names={int(before.ids[0]): "Buyers"})
    model = known(Learner.from_bytes(learner.to_bytes(), named, COLUMNS, seed=1).publish())
    assert len(model.clusters) == len(before.clusters)
    other = msgspec.structs.replace(spec, scale="standard")
    model = known(Learner.from_bytes(learner.to_bytes(), other, COLUMNS, seed=1).publish())
    assert len(model.clusters) > len(before.clusters)


def test_threads_may_take_turns() -> None:
    alone, shared = Learner(SPEC, COLUMNS, seed=1), Learner(SPEC, COLUMNS, seed=1)
    for update in updates_of(profiles(300), 10):
        alone.learn(update)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(shared.learn, update).result()
    assert shared.to_bytes() == alone.to_bytes()


RUN = """
import hashlib, sys
import numpy as np
from operators.clustering.learning.learner import Learner
from operators.clustering.spec import ClusterSpec
from operators.base.frame import FeatureColumn, Kind
from tests.updates import updates_of
assert not {"river", "sklearn", "pandas", "scipy"} & set(sys.modules)
columns = {name: FeatureColumn(name, Kind.NUMBER) for name in ("views", "spend", "carts", "age")}
learner = Learner(ClusterSpec(k=4, features=tuple(columns), scale="standard"), columns, seed=3)
random = np.random.default_rng(0)
for update in updates_of(random.lognormal(size=(1_600, 4)), 8):
    learner.learn(update)
    learner.publish()
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
        for seed in ("1", "2")
    }
    assert len(found) == 1
