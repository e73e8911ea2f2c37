"""Metrics are whole numbers that Flink can take, whatever is measured."""

from __future__ import annotations

import numpy as np

from operators.base.frame import FeatureColumn, Kind
from operators.clustering.learning.learner import Learner
from operators.clustering.spec import ClusterSpec
from operators.flink.metrics import AssignMetrics, LearnMetrics
from tests.updates import update_of


class Group:
    """A metric group whose distributions take 64 bits, as Java's do."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def add_group(self, key: str, value: str) -> Group:
        assert (key, value) == ("model", "spenders")
        return self

    def counter(self, name: str) -> None:
        assert name not in self.values

    def distribution(self, name: str) -> Distribution:
        return Distribution(self.values, name)


class Distribution:
    def __init__(self, values: dict[str, int], name: str) -> None:
        self._values = values
        self._name = name

    def update(self, value: int) -> None:
        self._values[self._name] = int(np.int64(value))


def test_an_inertia_without_a_limit_is_told_as_the_largest_number() -> None:
    """By robust scaling outliers stay as far off as they are, and there are more than clusters."""
    columns = {"spend": FeatureColumn("spend", Kind.NUMBER)}
    learner = Learner(ClusterSpec(k=2, features=("spend",), scale="robust"), columns, seed=1)
    spend = np.concatenate([np.arange(100.0), 10.0 ** np.arange(10, 60, 5)])
    learner.learn(update_of(spend[:, np.newaxis]))
    model, group = learner.finish(), Group()
    assert model is not None
    assert np.isfinite(model.quality.inertia)
    LearnMetrics(group).published("spenders", model)
    assert group.values["inertia_millionths"] == 2**63 - 1
    assert group.values["version"] == 1


def test_what_outcomes_cost_is_told_beside_the_whole() -> None:
    group = Group()
    AssignMetrics(group).cost(None, python_ns=3_000, judged=3, outcomes_ns=600)
    assert (group.values["python_ns_per_user"], group.values["outcomes_ns_per_user"]) == (
        1_000,
        200,
    )


def test_a_message_without_users_says_nothing_of_what_a_user_costs() -> None:
    group = Group()
    metrics = AssignMetrics(group)
    metrics.cost(None, python_ns=3_000, judged=3)
    metrics.cost(None, python_ns=9_000_000, judged=0)
    assert group.values["python_ns_per_user"] == 1_000
