"""Users of two models side by side, and a lane that judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from operators.base.frame import FeatureColumn, Kind
from operators.clustering.clusters import Cluster, Quality
from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.spec import ClusterSpec
from operators.contracts.records import Assignment
from operators.contracts.wire import Evaluations
from operators.features.clocks import EvaluationRound
from operators.membership.clusterings import Clustering, Models, with_clusters
from operators.membership.criteria import Criteria
from operators.membership.lane import Lane, LaneRules
from operators.membership.members import Members
from operators.rules.rulebook import Rulebook
from tests.property.pipeline import segments_of

START_US: Final = 1_700_000_000_000_000
COLUMNS: Final = {
    name: FeatureColumn(name, Kind.NUMBER, identity=name) for name in ("views", "spend")
}
SPECS: Final = {
    "habits": ClusterSpec(k=2, features=("views",), stick=0.25),
    "money": ClusterSpec(k=2, features=("spend", "views"), stick=0.0),
}
SEGMENTS: Final = {
    "Habits 1": {"when": "cluster = 1"},
    "The same": {"when": "cluster_habits = 1"},
    "Money 2": {"when": "cluster_money = 2 AND views > 2"},
    "Nowhere": {"when": "cluster_money IS NULL"},
}
User = dict[str, float]


def clusterings(specs: Mapping[str, ClusterSpec] = SPECS) -> list[Clustering]:
    return [Clustering.of(name, spec, COLUMNS) for name, spec in specs.items()]


def lane_of(specs: Mapping[str, ClusterSpec] = SPECS) -> Lane:
    def members(rules: LaneRules) -> Members:
        columns = with_clusters(COLUMNS, specs)
        rulebook = Rulebook.compile(rules.specs(), columns, step_us=1, version=1)
        return Members(Criteria(COLUMNS, rulebook, clusterings(specs), 1))

    segments = SEGMENTS if specs.keys() >= SPECS.keys() else {}
    return Lane(LaneRules(segments_of(segments, 1)), members, lambda: 0)


def model_of(name: str, version: int, centers: Mapping[int, tuple[float, ...]]) -> ClusterModel:
    """A version of a model whose scaled space is that of the features themselves."""
    space = Clustering.of(name, SPECS[name], COLUMNS).space
    zeros, ones = np.zeros(len(space)), np.ones(len(space))
    return ClusterModel(
        version=version,
        learned=1,
        river="",
        dimensions=space.names,
        meanings=space.meanings,
        preparation=Preparation(zeros, zeros, ones),
        centers=np.array(list(centers.values())).reshape(len(centers), len(space)),
        clusters=tuple(Cluster(id_, f"{name} {id_}", 0.0, 1, 2.0) for id_ in centers),
        acts=(),
        quality=Quality(0.0, 0.0, 1.0, 0, 0),
    )


def judged(lane: Lane, rows: dict[str, User], now_us: int, models: Models) -> dict[str, Assignment]:
    at = lane.members.table.rows_of(list(rows))
    order = np.argsort(at)
    values = np.array([[row[name] for row in rows.values()] for name in COLUMNS])
    rounds = (
        [EvaluationRound(at[order], np.full(len(at), now_us), values[:, order])] if rows else []
    )
    found = lane.judge(Evaluations(now_us, None, rounds), models)
    lane.members.journal.commit()
    return found.assignments
