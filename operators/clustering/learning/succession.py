"""The clusters of a version as the heirs of those before: ids, lineage, names and quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.clusters import Act, Cluster, Quality
from operators.clustering.identity.matching import NOWHERE, KnownClusters, Matched, match
from operators.clustering.identity.naming import Named, Namer
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import Nearest, nearest
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.quality import measure, outliers_beyond


@dataclass(frozen=True)
class Succession:
    """Who the clusters of a version are, in the order of its centers, and the next free id."""

    clusters: tuple[Cluster, ...]
    acts: tuple[Act, ...]
    quality: Quality
    next_id: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit to a sample: raw points float64[n, d], how they are prepared, what that makes of them,
    float64[n, p], and centers float64[k, p].
    """

    points: Floats
    preparation: Preparation
    scaled: Floats
    centers: Floats


def succeed(
    past: ClusterModel | None, fitted: Fitted, namer: Namer, version: int, next_id: int
) -> Succession:
    """Who the clusters of a fit are, after the version `past`.

    Whoever is an outlier by the version before was nowhere, so that a new kind of user is not
    taken for the cluster that was the least far.
    """
    found = nearest(fitted.scaled, fitted.centers)
    known, was = _before(past, fitted, next_id)
    matched = match(known, fitted.centers, was, found.cluster)
    was_id = np.append(known.ids, NOWHERE)[was]
    before = () if past is None else past.clusters
    names = namer.name(fitted.points, found.cluster, matched.ids, before)
    return Succession(
        clusters=tuple(_clusters(matched, names, found, before, version)),
        acts=matched.acts if past is not None else (),
        quality=measure(fitted.scaled, fitted.centers, found, matched.ids, was_id),
        next_id=matched.next_id,
    )


def _before(past: ClusterModel | None, fitted: Fitted, next_id: int) -> tuple[KnownClusters, Ints]:
    """The clusters before as the fit sees them, and the row of each user among them."""
    if past is None:
        none = np.zeros((0, fitted.preparation.width))
        return KnownClusters(np.zeros(0, np.int64), none, next_id), np.full(
            len(fitted.points), NOWHERE
        )
    centers = fitted.preparation.adopt(past.centers, past.preparation)
    found = past.assign(fitted.points)
    beyond = np.array([each.outlier_beyond for each in past.clusters])
    was = np.where(found.distance > beyond[found.cluster], NOWHERE, found.cluster)
    return KnownClusters(past.ids, centers, next_id), was


def _clusters(
    matched: Matched,
    names: Sequence[Named],
    found: Nearest,
    before: Sequence[Cluster],
    version: int,
) -> list[Cluster]:
    k = len(matched.ids)
    born = {each.id: each.born for each in before}
    shares = np.bincount(found.cluster, minlength=k) / len(found.cluster)
    beyond = outliers_beyond(found, k)
    return [
        Cluster(
            id=who,
            name=named.name,
            share=share,
            born=born.get(who, version),
            outlier_beyond=far,
            marks=named.marks,
            description=named.description,
        )
        for who, named, share, far in zip(
            matched.ids.tolist(), names, shares.tolist(), beyond.tolist(), strict=True
        )
    ]
