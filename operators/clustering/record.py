"""A version of a cluster model as people and tools read it: typical members, and a picture.

Learn publishes one with each version, as JSON. All numbers are finite; null is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Floats, Ints, Mask
from operators.clustering.clusters import Act, Quality
from operators.clustering.medians import medians
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import nearest
from operators.clustering.plane import Plane
from operators.clustering.preparing.preparation import usable

# Of the sample, as points of the picture: more hide each other.
DRAWN: Final = 300
_DIGITS: Final = 6  # of what is told: what is beyond differs with every sample
_CONSTANT: Final = 1e-12  # a spread below this part of the largest value is rounding

Numbers = dict[str, float | None]  # by dimension


class ClusterRecord(msgspec.Struct, frozen=True):
    """One cluster: what `Cluster` says of it, and what its members of the sample are like.

    `typical` is their median in the features' units, of a category the share that has it;
    `standardised` how far their mean lies from everyone's, in standard deviations of everyone;
    `place` the center in the plane of `axes`.
    """

    id: int
    name: str
    share: float
    born: int
    outlier_beyond: float
    marks: tuple[str, ...]
    description: str
    typical: Numbers
    standardised: Numbers
    place: tuple[float, float]


class Axis(msgspec.Struct, frozen=True):
    """A principal component of the sample: of the picture in scaled space, or one of `pca`.

    `explained` is its share of the variance; `loadings` are its correlations with the
    dimensions, from -1 to 1, by which it is read (Jolliffe 2002, 11.1).
    """

    explained: float
    loadings: Numbers


class ModelRecord(msgspec.Struct, frozen=True):
    """One version of the cluster model `model`.

    `everyone` is typical of the whole sample, as `typical` of a cluster. `users` are some of it
    in the plane, without their names: the cluster's id, and where it lies on both axes. `curve`
    has the silhouette of each number of clusters that `k: auto` has tried, `pca` the components
    that take the dimensions' place, each with its share of the variance that those had.
    """

    model: str
    version: int
    at: str
    learned: int
    river: str
    k: int
    clusters: tuple[ClusterRecord, ...]
    acts: tuple[Act, ...]
    quality: Quality
    everyone: Numbers
    axes: tuple[Axis, Axis]
    users: tuple[tuple[int, float, float], ...]
    curve: tuple[tuple[int, float], ...] = ()
    pca: tuple[Axis, ...] = ()


model_decoder = msgspec.json.Decoder(ModelRecord)


def describe(name: str, model: ClusterModel, sample: Floats, at: str) -> ModelRecord:
    """The record of a model that was published at a moment (ISO 8601).

    `sample` are raw points float64[n, d] of users, NaN for missing.
    """
    points = usable(sample)
    scaled = model.preparation.scaled(points)
    cluster = nearest(scaled, model.centers).cluster
    plane = Plane.of(scaled)
    centers, users = plane.places(model.centers), plane.places(scaled)
    drawn = np.linspace(0, len(points) - 1, min(len(points), DRAWN)).astype(np.int64)
    people = _Sample(model.dimensions, points)
    typical, everyone = people.typical(cluster, len(model.clusters))
    standardised = people.standardised(cluster, len(model.clusters))
    first, second = people.axes(plane.explained, users)
    components = model.preparation.components
    return ModelRecord(
        model=name,
        version=model.version,
        at=at,
        learned=model.learned,
        river=model.river,
        k=len(model.clusters),
        clusters=tuple(
            ClusterRecord(
                **msgspec.structs.asdict(each),
                typical=typical[row],
                standardised=standardised[row],
                place=_place(centers[row]),
            )
            for row, each in enumerate(model.clusters)
        ),
        acts=model.acts,
        quality=model.quality,
        everyone=everyone,
        axes=(first, second),
        users=tuple((int(model.ids[cluster[row]]), *_place(users[row])) for row in drawn),
        curve=model.curve,
        pca=() if components is None else people.axes(components.explained, scaled),
    )


class _Sample:
    """The sample, raw points float64[n, d], and what parts of it are like."""

    def __init__(self, dimensions: Sequence[str], points: Floats) -> None:
        self._dimensions = dimensions
        self._category = np.array(["=" in dimension for dimension in dimensions], bool)
        self._points = points
        self._known = ~np.isnan(points)
        # As parts of the largest, so that no square is too large; what follows has no unit.
        filled = np.where(self._known, points, 0.0)
        largest = np.abs(filled).max(axis=0, initial=0.0)
        self._parts = filled / np.where(largest > 0, largest, 1.0)
        (self._mean,) = self._means(self._parts)
        self._apart = np.where(self._known, self._parts - self._mean, 0.0)
        self._spread = self._deviation(self._apart)

    def typical(self, cluster: Ints, k: int) -> tuple[list[Numbers], Numbers]:
        """Of the members of each of k clusters, and of everyone: medians, of categories shares."""
        chosen = [self._points[cluster == row] for row in range(k)]
        *clusters, everyone = map(self._typical, [*chosen, self._points])
        return clusters, everyone

    def standardised(self, cluster: Ints, k: int) -> list[Numbers]:
        """How far the mean of each cluster lies from everyone's, in deviations."""
        members = np.arange(k)[:, np.newaxis] == cluster
        return list(map(self._told, self._means(self._apart, members) / self._spread))

    def axes(self, explained: Floats, places: Floats) -> tuple[Axis, ...]:
        """Axes that explain float64[p] of the variance, on which everyone is at float64[n, p]."""
        return tuple(
            Axis(_rounded(share), self.correlations(along))
            for share, along in zip(explained.tolist(), places.T, strict=True)
        )

    def correlations(self, along: Floats) -> Numbers:
        """Pearson's correlation of each dimension with places on an axis, float64[n].

        Of those users of whom the dimension is known.
        """
        largest = np.abs(along).max(initial=0.0)
        places = np.where(self._known, (along / (largest or 1.0))[:, np.newaxis], 0.0)
        apart = np.where(self._known, places - self._means(places), 0.0)
        (together,) = self._means(apart * self._apart)
        return self._told(np.clip(together / self._deviation(apart) / self._spread, -1, 1))

    def _means(self, values: Floats, members: Mask | None = None) -> Floats:
        """The means of known values, which are 0 elsewhere, float64[groups, d]; NaN of none.

        Of the members, bool[groups, n], or of everyone as one group.
        """
        chosen = np.ones((1, len(values))) if members is None else members.astype(np.float64)
        count = chosen @ self._known.astype(np.float64)
        return np.where(count > 0, chosen @ values / np.maximum(count, 1), np.nan)

    def _deviation(self, apart: Floats) -> Floats:
        """The standard deviation of each dimension, float64[d]; NaN where nothing differs."""
        (variance,) = self._means(apart**2)
        deviation = np.sqrt(variance)
        return np.where(deviation > _CONSTANT, deviation, np.nan)

    def _typical(self, points: Floats) -> Numbers:
        known = ~np.isnan(points)
        total, count = np.where(known, points, 0.0).sum(axis=0), known.sum(axis=0)
        middle = np.where(self._category, total / np.maximum(count, 1), medians(points))
        return self._told(np.where(count > 0, middle, np.nan))

    def _told(self, values: Floats) -> Numbers:
        told = [_rounded(value) if math.isfinite(value) else None for value in values.tolist()]
        return dict(zip(self._dimensions, told, strict=True))


def _place(at: Floats) -> tuple[float, float]:
    x, y = at.tolist()
    return _rounded(x), _rounded(y)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
