"""The cluster models of a configuration, and where their newest versions put users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from operators.base.arrays import Floats, Ints, Mask
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.base.runs import Runs
from operators.clustering.model import ClusterModel
from operators.clustering.moves import ClusterMoves
from operators.clustering.nearest import Incumbents, Nearest
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec, cluster_column

CLUSTER: Final = "cluster"  # the column by which rules see the cluster in the first model
NO_CLUSTER: Final = -1

# The newest version of each model that there is, by the model's name.
Models = Mapping[str, ClusterModel]


@dataclass(frozen=True)
class Clustering:
    """One cluster model of the configuration."""

    name: str
    space: Space
    spec: ClusterSpec

    @classmethod
    def of(cls, name: str, spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> Clustering:
        """The model `name` over the features of a configuration."""
        return cls(name, Space.of(spec.features, columns), spec)

    @property
    def label(self) -> str:
        """Names its ids among what is kept of users: those of other features are others."""
        return f"{self.name} {crc32(' '.join(self.space.meanings).encode())}"

    def fits(self, model: ClusterModel) -> bool:
        """Whether a model is of these features."""
        return model.meanings == self.space.meanings

    def place(self, frame: Frame, ids: Ints, model: ClusterModel) -> Placed:
        """Where a model puts the users of a frame, who are in the clusters `ids`, int64[n]."""
        points = self.space.points(frame)
        found = model.assign(points, Incumbents(model.rows(ids), self.spec.stick))
        return Placed(self, model, points, found)

    def stay(self, frame: Frame, ids: Ints, model: ClusterModel) -> Placed:
        """Where users are who have been put into the clusters `ids` of this version, int64[n]."""
        points = self.space.points(frame)
        return Placed(self, model, points, model.assign(points, Incumbents(model.rows(ids), 1.0)))

    def follow(
        self, frame: Frame, runs: Runs, ids: Ints, placed: Mask, model: ClusterModel
    ) -> Ints:
        """The clusters at looks that are a user's in each run, int64[n].

        `ids` is int64[users], the clusters before. They move where `placed` alone, or if their
        cluster is gone.
        """
        scaled = model.preparation.scaled(self.space.points(frame))
        held = model.rows(ids)
        best = ClusterMoves(scaled, model.centers, self.spec.stick).taken(runs, held, placed)
        latest = runs.latest(best >= 0)
        return np.where(latest < 0, ids[runs.of], model.ids[best[latest]])


@dataclass(frozen=True)
class Placed:
    """Where a version of a model puts n users; `points` is float64[n, d], NaN for missing."""

    clustering: Clustering
    model: ClusterModel
    points: Floats
    found: Nearest

    @property
    def ids(self) -> Ints:
        """The ids of the clusters, int64[n]."""
        ids: Ints = self.model.ids[self.found.cluster]
        return ids


def clusters_meaning(clusterings: Iterable[Clustering]) -> int:
    """A number above 0 that is another one if conditions on clusters ask for something else."""
    names = ((each.label, sorted(each.spec.pinned.items())) for each in clusterings)
    told = [(label, [(who, pinned.name) for who, pinned in own]) for label, own in names]
    return 1 + crc32(repr(told).encode())


def with_clusters(
    columns: Mapping[str, FeatureColumn], models: Mapping[str, ClusterSpec]
) -> dict[str, FeatureColumn]:
    """What conditions may name: these features, and the cluster in the first and in each model.

    Clusters may be named by the names that people gave them.
    """
    own = [(cluster_column(name), spec) for name, spec in models.items()]
    first = own[0][1] if own else None
    clusters = [_column(name, spec) for name, spec in ((CLUSTER, first), *own)]
    return {**columns, **{column.name: column for column in clusters}}


def _column(name: str, spec: ClusterSpec | None) -> FeatureColumn:
    pinned = spec.pinned if spec else {}
    names = tuple((each.name, who) for who, each in pinned.items())
    return FeatureColumn(name, Kind.NUMBER, names=names)


def cluster_rows(ids: Ints) -> Floats:
    """The ids of n users in each model, int64[n, models], as rows of those columns' values."""
    known = np.where(ids == NO_CLUSTER, np.nan, ids).T
    first = known[:1] if len(known) else np.full((1, len(ids)), np.nan)
    return np.vstack([first, known])
