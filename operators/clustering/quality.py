"""How good a version of a model is, on the sample that it was learned from, in scaled space."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.clusters import Quality
from operators.clustering.nearest import Nearest, apart

# Silhouettes need all distances between these: 10 ms, and a mean that is known to 0.02 or so.
_SILHOUETTE_USERS: Final = 500
# Of its own members a cluster calls one in a hundred an outlier.
_OUTLIER_QUANTILE: Final = 0.99
# Members closer to their center than this part of what is far are all at one place.
_ONE_PLACE: Final = 1e-9
# With fewer members the quantile is that of the farthest few, outliers themselves.
_ENOUGH: Final = 100


def measure(scaled: Floats, centers: Floats, found: Nearest, ids: Ints, was: Ints) -> Quality:
    """The quality of centers float64[k, d] with ids int64[k], on users float64[n, d].

    n and k are at least 1, and `found` are the nearest of the centers. `was`, int64[n], is each
    user's id by the version before, by the same profile; -1 for who was nowhere, who tells nothing
    of stability.
    """
    known = was >= 0
    stable = ids[found.cluster[known]] == was[known]
    return Quality(
        inertia=float(np.square(found.distance).mean()),
        silhouette=silhouette(scaled, found.cluster),
        stability=float(stable.mean()) if len(stable) else 1.0,
        dead=len(dead(found.cluster, len(centers))),
        duplicates=len(duplicates(scaled, centers, found.cluster)),
    )


def silhouette(scaled: Floats, cluster: Ints) -> float:
    """The mean silhouette (Rousseeuw, 1987), from -1 to 1, of at most 500 users; 0 for one cluster.

    Users stand in no order that matters, so those at even steps are as good as any, and the same
    sample gives the same figure.
    """
    from sklearn.metrics import silhouette_samples  # noqa: PLC0415 - 0.9 s, where models are made

    count = min(len(scaled), _SILHOUETTE_USERS)
    chosen = np.linspace(0, len(scaled) - 1, count).round().astype(np.int64)
    labels = np.unique(cluster[chosen], return_inverse=True)[1]
    if not 1 < labels.max() + 1 < count:
        return 0.0  # one cluster, or each user one of their own
    return float(silhouette_samples(scaled[chosen], labels).mean())


def dead(cluster: Ints, k: int) -> Ints:
    """The rows of the centers that nobody is nearest to."""
    return np.flatnonzero(np.bincount(cluster, minlength=k) == 0)


def duplicates(scaled: Floats, centers: Floats, cluster: Ints) -> list[tuple[int, int]]:
    """The pairs of rows of centers that are nearly one, each a center and its nearest other.

    They are closer than their members are scattered along the line between them (the root of
    the mean squared distance to their own center): two centers within one crowd. Halves of a
    crowd whose centers have settled, each the mean of its half, are 2.7 scatters apart if the
    crowd is normal, crowds of their own more. Dead centers are no pair with any.
    """
    alive = np.setdiff1d(np.arange(len(centers)), dead(cluster, len(centers)))
    if len(alive) < 2:
        return []
    neighbour = alive[apart(centers[alive]).argmin(axis=1)]
    pairs = np.unique(np.sort(np.column_stack((alive, neighbour)), axis=1), axis=0)
    gaps = scaled - centers[cluster]
    members = np.split(np.argsort(cluster, kind="stable"), np.bincount(cluster).cumsum()[:-1])
    return [(i, j) for i, j in pairs.tolist() if _nearly_one((i, j), centers, gaps, members)]


def outliers_beyond(found: Nearest, k: int) -> Floats:
    """The distance from each of k centers beyond which a member is an outlier, float64[k].

    The 99 % quantile of the members' distances where there are a hundred of them. Where there are
    fewer, their median times what that quantile is in medians over all users, each by their own
    cluster's: a few outliers move no median. Without members, or with all of them at one place,
    the quantile over all users.
    """
    everyone = float(np.quantile(found.distance, _OUTLIER_QUANTILE))
    groups = [found.distance[found.cluster == row] for row in range(k)]
    medians = np.array([np.median(group) if len(group) else 0.0 for group in groups])
    medians[medians <= _ONE_PLACE * everyone] = 0.0
    own = medians[found.cluster]
    spread = found.distance[own > 0] / own[own > 0]
    in_medians = float(np.quantile(spread, _OUTLIER_QUANTILE)) if len(spread) else 0.0
    beyond = np.where(medians > 0, medians * in_medians, everyone)
    for row, group in enumerate(groups):
        if len(group) >= _ENOUGH and medians[row] > 0:
            beyond[row] = np.quantile(group, _OUTLIER_QUANTILE)
    return beyond


def _nearly_one(pair: tuple[int, int], centers: Floats, gaps: Floats, members: list[Ints]) -> bool:
    line = centers[pair[1]] - centers[pair[0]]
    length = float(np.linalg.norm(line))
    if length == 0:
        return True
    along = gaps[np.concatenate([members[row] for row in pair])] @ (line / length)
    return bool(length < np.sqrt(np.square(along).mean()))
