"""Users in the clusters of several models side by side, against an oracle of one user at a time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.moments import iso_at
from operators.clustering.model import ClusterModel
from operators.clustering.spec import ClusterSpec
from operators.contracts.records import Belonging
from operators.membership.clusterings import Models
from tests.effort import examples
from tests.property.several_models import SPECS, START_US, User, judged, lane_of, model_of

NUMBERS: Final = st.integers(0, 8).map(float)
VALUES: Final = st.fixed_dictionaries({"views": NUMBERS, "spend": NUMBERS})
USERS: Final = st.sampled_from(("ann", "bob", "cay", "dan"))


@st.composite
def newest(draw: st.DrawFn, version: int) -> dict[str, ClusterModel]:
    """The models at a time: none, one, or both, with any of some ids in any order."""
    found = {}
    for name, spec in SPECS.items():
        ids = draw(st.lists(st.integers(0, 3), unique=True, max_size=3))
        center = st.tuples(*[NUMBERS] * len(spec.features))
        if ids:
            found[name] = model_of(name, version, {id_: draw(center) for id_ in ids})
    return found


@dataclass
class Oracle:
    """Everyone's clusters and segments."""

    values: dict[str, User] = field(default_factory=dict)
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    segments: dict[str, set[str]] = field(default_factory=dict)
    since: dict[tuple[str, str], int] = field(default_factory=dict)  # by user and model
    now_us: int = 0

    def judge(self, rows: dict[str, User], models: Models, now_us: int) -> set[str]:
        """A message: the users for whom something has changed."""
        there = {name: {each.id for each in model.clusters} for name, model in models.items()}
        idle = {
            user
            for user, own in self.ids.items()
            if any(own.get(name) not in ids for name, ids in there.items())
        } - set(rows)
        self.values |= rows
        self.now_us = now_us
        return {user for user in {*rows, *idle} if self._changes(user, models)}

    def _changes(self, user: str, models: Models) -> bool:
        own, before = self.values[user], self.ids.get(user, {})
        now = before | {
            name: put(distances(own, name, model), before.get(name), SPECS[name].stick)
            for name, model in models.items()
        }
        inside = {
            "Habits 1": now.get("habits") == 1,
            "The same": now.get("habits") == 1,
            "Money 2": now.get("money") == 2 and own["views"] > 2,
            "Nowhere": "money" not in now,
        }
        segments = {name for name, holds in inside.items() if holds}
        changed = now != before or segments != self.segments.get(user, set())
        moved = [name for name, id_ in now.items() if before.get(name) != id_]
        self.since |= dict.fromkeys([(user, name) for name in moved], self.now_us)
        self.ids[user], self.segments[user] = now, segments
        return changed


def distances(user: User, name: str, model: ClusterModel) -> dict[int, float]:
    """Of one user to each cluster, by id."""
    point = [user[feature] for feature in SPECS[name].features]
    return {
        cluster.id: sum((x - c) ** 2 for x, c in zip(point, center, strict=True)) ** 0.5
        for cluster, center in zip(model.clusters, model.centers.tolist(), strict=True)
    }


def put(found: dict[int, float], held: int | None, stick: float) -> int:
    best = min(found, key=lambda id_: found[id_])
    stays = held in found and not found[best] < (1 - stick) * found[held]
    return held if stays and held is not None else best


@settings(max_examples=examples(50), deadline=None)
@given(st.data(), st.lists(st.dictionaries(USERS, VALUES), max_size=8))
def test_users_are_where_the_oracle_puts_them(
    data: st.DataObject, messages: list[dict[str, User]]
) -> None:
    lane, oracle = lane_of(), Oracle()
    models: dict[str, ClusterModel] = {}
    for number, rows in enumerate(messages):
        models |= data.draw(newest(number), label="models")
        told = judged(lane, rows, START_US + number, models)
        assert set(told) == oracle.judge(rows, models, START_US + number)
        for user, found in told.items():
            own = oracle.ids[user]
            assert set(found.segments) == oracle.segments[user]
            assert found.cluster == own.get("habits")
            assert {name: each.cluster for name, each in found.clusters.items()} == own
            assert found.features == oracle.values[user]
            for name, each in found.clusters.items():
                tells(each, models[name], distances(oracle.values[user], name, models[name]))
                assert each.since == iso_at(oracle.since[user, name])


def tells(told: Belonging, model: ClusterModel, found: dict[int, float]) -> None:
    """What is told of a user's cluster beside the id, by the distances to all."""
    own = found.pop(told.cluster)
    name = next(cluster.name for cluster in model.clusters if cluster.id == told.cluster)
    assert (told.name, told.model, told.outlier) == (name, model.version, own > 2.0)
    assert told.distance == pytest.approx(own)
    assert told.margin == (pytest.approx(min(found.values()) - own) if found else None)
    assert 0 <= told.share <= 1
    assert bool(told.why) <= bool(found)


def test_who_stays_is_no_change() -> None:
    """Between two clusters a user who shakes is told once; a cluster that dies lets go."""
    lane = lane_of({"habits": SPECS["habits"]})
    centers = {3: (0.0,), 7: (8.0,)}
    models = {"habits": model_of("habits", 1, centers)}
    told = [
        judged(lane, {"ann": {"views": views, "spend": 0.0}}, START_US + at, models)
        for at, views in enumerate([3.9, 4.1, 3.9, 4.2, 4.0])
    ]
    assert [set(each) for each in told] == [{"ann"}, set(), set(), set(), set()]
    assert told[0]["ann"].cluster == 3
    moved = judged(lane, {"ann": {"views": 4.8, "spend": 0.0}}, START_US + 5, models)
    assert moved["ann"].cluster == 7
    models = {"habits": model_of("habits", 2, {9: (8.0,), 3: (0.0,)})}
    moved = judged(lane, {"ann": {"views": 3.9, "spend": 0.0}}, START_US + 6, models)
    assert moved["ann"].cluster == 3
    models = {"habits": model_of("habits", 3, {3: (0.0,), 9: (7.0,)})}
    assert lane.everyone(START_US + 7, models).assignments == {}  # 9 is nearer by a fifth


@pytest.mark.parametrize(
    "specs",
    [
        {"money": SPECS["money"], "habits": SPECS["habits"]},
        {"habits": SPECS["habits"]},
        {**SPECS, "habits": ClusterSpec(k=2, features=("spend",))},
        {**SPECS, "money": msgspec.structs.replace(SPECS["money"], names={1: "Thrifty"})},
        {**SPECS, "more": SPECS["habits"]},
    ],
)
def test_everyone_is_judged_anew_where_the_models_are_others(specs: dict[str, ClusterSpec]) -> None:
    lane = lane_of()
    lane.expect_clusters()
    models = {
        "habits": model_of("habits", 1, {1: (0.0,)}),
        "money": model_of("money", 1, {2: (0.0, 0.0)}),
    }
    judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, models)
    for own, swept in ((SPECS, None), (specs, 0)):
        again = lane_of(own)
        again.members.journal.adopt(lane.members.journal)
        again.expect_clusters()
        assert again.swept == swept


def test_a_condition_on_the_first_model_goes_by_the_model_that_is_first_now() -> None:
    lane = lane_of()
    lane.expect_clusters()
    models = {
        "habits": model_of("habits", 1, {1: (0.0,)}),
        "money": model_of("money", 1, {2: (0.0, 0.0)}),
    }
    told = judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, models)
    assert told["ann"].segments == ["Habits 1", "Money 2", "The same"]
    turned = lane_of({"money": SPECS["money"], "habits": SPECS["habits"]})
    turned.members.journal.adopt(lane.members.journal)
    turned.expect_clusters()
    told = turned.sweep(START_US + 1, models, 9).assignments
    assert (told["ann"].segments, told["ann"].cluster) == (["Money 2", "The same"], 2)


def test_nobody_gets_a_cluster_by_features_that_are_yet_to_come() -> None:
    """While Profile's evaluations by other features are on their way, a timer may come first."""
    lane, models = lane_of(), {"habits": model_of("habits", 1, {5: (0.0,)})}
    lane.expect_columns()
    judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, {})
    lane.members.journal.head["columns"] += 1  # as other features leave it
    assert lane.expect_columns()
    assert lane.awaits
    assert not judged(lane, {}, START_US + 1, models)
    assert lane.awaits
    told = judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US + 2, models)
    assert told["ann"].cluster == 5
    assert not lane.awaits
    judged(lane, {"bob": {"views": 3.0, "spend": 1.0}}, START_US + 3, {})
    assert list(judged(lane, {}, START_US + 4, models)) == ["bob"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["habits"], id="removed"),
        pytest.param([], id="all removed"),
        pytest.param(["money", "habits"], id="turned"),
    ],
)
def test_whom_other_models_were_told_of_is_told_anew_once(names: list[str]) -> None:
    """Even if nobody's ids and segments differ: what was published names models that are gone."""
    lane = lane_of()
    lane.expect_clusters()
    models = {name: model_of(name, 1, {5: (0.0,) * len(SPECS[name].features)}) for name in SPECS}
    judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, models)
    other = lane_of({name: SPECS[name] for name in names})
    other.members.journal.adopt(lane.members.journal)
    other.expect_clusters()
    left = {name: models[name] for name in names}
    told = other.sweep(START_US + 1, left, 9).assignments
    assert list(told) == ["ann"]
    assert list(told["ann"].clusters) == names
    assert told["ann"].cluster == (5 if names else None)
    assert not other.everyone(START_US + 2, left).assignments


def test_a_name_that_a_person_gave_since_the_version_is_told_at_once() -> None:
    """Idle users are told once: the next version, which has the name, changes none of their ids."""
    lane = lane_of()
    lane.expect_clusters()
    models = {name: model_of(name, 1, {5: (0.0,) * len(SPECS[name].features)}) for name in SPECS}
    judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, models)
    named = msgspec.structs.replace(SPECS["money"], names={5: "Thrifty", 6: "Lavish"})
    other = lane_of(SPECS | {"money": named})
    other.members.journal.adopt(lane.members.journal)
    other.expect_clusters()
    told = other.sweep(START_US + 1, models, 9).assignments["ann"].clusters
    assert {name: each.name for name, each in told.items()} == {
        "habits": "habits 5",
        "money": "Thrifty",
    }


def test_whom_nothing_was_told_of_stays_untold() -> None:
    lane = lane_of({})
    lane.expect_clusters()
    assert not judged(lane, {"ann": {"views": 3.0, "spend": 1.0}}, START_US, {})
    other = lane_of({"habits": SPECS["habits"]})
    other.members.journal.adopt(lane.members.journal)
    other.expect_clusters()
    assert not other.sweep(START_US + 1, {}, 9).assignments


def test_ids_move_with_their_model_to_another_configuration() -> None:
    lane = lane_of({"habits": SPECS["habits"], "money": SPECS["money"]})
    models = {name: model_of(name, 1, {5: (0.0,) * len(SPECS[name].features)}) for name in SPECS}
    judged(lane, {"ann": {"views": 1.0, "spend": 1.0}}, START_US, models)

    def unassigned(**specs: ClusterSpec) -> dict[str, bool]:
        other = lane_of(specs)
        other.members.journal.adopt(lane.members.journal)
        return {
            name: bool(len(other.members.unassigned({name: models["habits"]}, 9))) for name in specs
        }

    habits, money = SPECS["habits"], SPECS["money"]
    assert unassigned(new=habits, money=money, habits=habits) == {
        **{"new": True, "money": False, "habits": False}
    }
    assert unassigned(habits=money, money=habits) == {"habits": True, "money": True}


RUN: Final = """
import sys
import operators.profile, operators.steer
from tests.property.several_models import START_US, judged, lane_of, model_of
models = {"habits": model_of("habits", 1, {1: (0.0,), 2: (4.0,)})}
assert judged(lane_of(), {"ann": {"views": 3.0, "spend": 1.0}}, START_US, models)["ann"].clusters
assert not {"river", "sklearn", "pandas", "scipy", "threadpoolctl"} & set(sys.modules)
"""


def test_judging_imports_nothing_that_learning_does() -> None:
    """Profile, Steer and Assign don't have their threads for themselves: see job.py."""
    subprocess.run([sys.executable, "-c", RUN], cwd=Path(__file__).parents[2], check=True)
