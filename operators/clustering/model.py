"""A cluster model as arrays: what Learn publishes and Assign judges users by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.clusters import Act, Cluster, Quality
from operators.clustering.nearest import Incumbents, Nearest, nearest
from operators.clustering.preparing.preparation import Preparation, StoredPreparation
from operators.clustering.stored import FORMAT, decode, encode, floats, to_bytes


@dataclass(frozen=True, eq=False)
class ClusterModel:
    """One version of a cluster model with k clusters over d dimensions, p of them once scaled.

    `centers` is float64[k, p] in scaled space, `clusters` says who each of them is, and `acts`
    what became of clusters since the version before. `learned` is the number of profiles learned
    in all; `meanings` are those of the space that it is of. With `k: auto`, `curve` has for each
    number of clusters that was tried the silhouette. Every number in it is finite.
    """

    version: int
    learned: int
    river: str  # the version of River that learned it
    dimensions: tuple[str, ...]
    meanings: tuple[str, ...]
    preparation: Preparation
    centers: Floats
    clusters: tuple[Cluster, ...]
    acts: tuple[Act, ...]
    quality: Quality
    curve: tuple[tuple[int, float], ...] = ()

    @cached_property
    def ids(self) -> Ints:
        """The clusters' ids, int64[k], in the order of the centers."""
        return np.array([cluster.id for cluster in self.clusters], np.int64)

    def rows(self, ids: Ints) -> Ints:
        """The rows of clusters by their ids, int64[n]; -1 where this version has no such one."""
        rows: Ints = self._row_of[np.minimum(ids, len(self._row_of) - 1)]
        return rows

    @cached_property
    def _row_of(self) -> Ints:
        """The row of each id up to the largest, then -1: so the last is that of -1, too."""
        row_of = np.full(self.ids.max() + 2, -1)
        row_of[self.ids] = np.arange(len(self.ids))
        return row_of

    def assign(self, points: Floats, held: Incumbents | None = None) -> Nearest:
        """Row of the cluster, distance and margin, in scaled space, of raw points float64[n, d].

        NaN is missing and imputed, and so is every infinite coordinate.
        """
        return nearest(self.preparation.scaled(points), self.centers, held)

    def to_bytes(self) -> bytes:
        """The model as a msgpack message."""
        return encode(
            _StoredModel(
                format=FORMAT,
                river=self.river,
                version=self.version,
                learned=self.learned,
                dimensions=self.dimensions,
                meanings=self.meanings,
                preparation=self.preparation.stored(),
                centers=to_bytes(self.centers),
                clusters=self.clusters,
                acts=self.acts,
                quality=self.quality,
                curve=self.curve,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> ClusterModel:
        """The model in a message of `to_bytes`.

        Raises:
            JobError: a message of another format, or none at all.
        """
        stored = decode(data, _StoredModel, "a stored cluster model")
        preparation = Preparation.restored(stored.preparation, len(stored.dimensions))
        return cls(
            version=stored.version,
            learned=stored.learned,
            river=stored.river,
            dimensions=stored.dimensions,
            meanings=stored.meanings,
            preparation=preparation,
            centers=floats(stored.centers, len(stored.clusters), preparation.width),
            clusters=stored.clusters,
            acts=stored.acts,
            quality=stored.quality,
            curve=stored.curve,
        )


class _StoredModel(msgspec.Struct, frozen=True):
    format: int
    river: str
    version: int
    learned: int
    dimensions: tuple[str, ...]
    meanings: tuple[str, ...]
    preparation: StoredPreparation
    centers: bytes
    clusters: tuple[Cluster, ...]
    acts: tuple[Act, ...]
    quality: Quality
    curve: tuple[tuple[int, float], ...]
