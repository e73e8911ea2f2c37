"""Why users are in their clusters: how surely, by which features, and who is an outlier."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints, Mask
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import squared_distances
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.space import Space

_DECIDING: Final = 3
_LEAST: Final = 0.05  # of all that speaks for a cluster: what adds less doesn't decide
_BLOCK: Final = 4_096  # users at a time, so that many need no more memory than a few


class Explained(NamedTuple):
    """Of n users, each in a cluster: four arrays, `deciding` int64[n, up to 3].

    `next` is the row of the nearest other center (the own one where there is no other), `share`
    the soft membership of the own cluster. `deciding` are the dimensions of the features that
    decide for the own cluster against the next, the strongest first; -1 stands for none.
    """

    next: Ints
    share: Floats
    outlier: Mask
    deciding: Ints


class Explainer:
    """Explains the clusters of users by one version of a model."""

    def __init__(self, model: ClusterModel, space: Space) -> None:
        self._model = model
        self._preparation = _by_feature(model.preparation)
        self._centers = self._preparation.scaled(model.preparation.in_units(model.centers))
        self._beyond = np.array([cluster.outlier_beyond for cluster in model.clusters])
        self._starts = _starts(space)

    def explain(self, points: Floats, own: Ints) -> Explained:
        """Explain the clusters of n users.

        Args:
            points: raw, float64[n, d], NaN for missing.
            own: the rows of the users' clusters, int64[n].
        """
        if len(points) <= _BLOCK:
            return self._explain(points, own)
        blocks = (slice(at, at + _BLOCK) for at in range(0, len(points), _BLOCK))
        parts = [self._explain(points[block], own[block]) for block in blocks]
        return Explained(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _explain(self, points: Floats, own: Ints) -> Explained:
        model, users = self._model, np.arange(len(points))
        scaled = model.preparation.scaled(points)
        x = scaled if model.preparation.components is None else self._preparation.scaled(points)
        squares = squared_distances(scaled, model.centers)
        distance, share = np.sqrt(squares[own, users]), shares(squares)[own, users]
        if len(squares) > 1:
            squares[own, users] = np.inf
        following = squares.argmin(axis=0)
        deciding = self._deciding(self._gain(x, own, following))
        return Explained(following, share, distance > self._beyond[own], deciding)

    def _gain(self, x: Floats, own: Ints, following: Ints) -> Floats:
        """By how much each dimension is for the own center against the other, float64[n, d].

        `x` are the points, scaled in the features' own dimensions. Over all of them it sums to the
        difference of the squared distances.
        """
        centers = self._centers
        gain: Floats = (x - centers[following]) ** 2 - (x - centers[own]) ** 2
        return gain

    def _deciding(self, gain: Floats) -> Ints:
        by_feature, strongest = self._of_features(gain)
        best = np.argsort(-by_feature, axis=1, kind="stable")[:, :_DECIDING]
        for_it = np.maximum(by_feature, 0)
        least = _LEAST * for_it.sum(axis=1, keepdims=True)
        enough = np.take_along_axis(for_it, best, axis=1) > least
        dimensions = np.take_along_axis(strongest, best, axis=1)
        return np.where(enough, dimensions, -1)

    def _of_features(self, gain: Floats) -> tuple[Floats, Ints]:
        """What each feature adds, and its strongest dimension, float64 and int64[n, features]."""
        starts = self._starts
        if len(starts) == gain.shape[1]:  # each has one
            return gain, np.broadcast_to(starts, gain.shape)
        strongest = [
            start + own.argmax(axis=1)
            for start, own in zip(starts, np.split(gain, starts[1:], axis=1), strict=True)
        ]
        return np.add.reduceat(gain, starts, axis=1), np.stack(strongest, axis=1)


def shares(squares: Floats) -> Floats:
    """Soft memberships float64[k, n] by squared distances float64[k, n]; a user's sum to 1.

    Those of fuzzy c-means with m = 2 (Bezdek, 1981): each cluster's in proportion to one over
    its squared distance, so that no scale has to be chosen. A user who is at a center belongs
    to it alone, or evenly to all that are there.
    """
    smallest = squares.min(axis=0)
    weights = np.ones_like(squares)
    np.divide(smallest, squares, out=weights, where=squares > 0)
    shared: Floats = weights / weights.sum(axis=0)
    return shared


def _by_feature(preparation: Preparation) -> Preparation:
    """What scales points in the features' own dimensions, where each says what it adds."""
    return replace(preparation, components=None)


def _starts(space: Space) -> NDArray[np.intp]:
    """Where the dimensions of each feature begin, which stand together."""
    features = [dimension.feature for dimension in space.dimensions]
    return np.flatnonzero([at == 0 or features[at - 1] != x for at, x in enumerate(features)])
