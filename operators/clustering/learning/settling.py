"""Bringing centers to where they serve a sample best: Lloyd's steps, and splits for merges."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.nearest import nearest, squared_distances

_STEPS: Final = 50  # of Lloyd's algorithm; between versions it takes a few
_STILL: Final = 1e-6  # a relative gain below this is none
# A split must win so much more than the merge that makes room for it loses: below that, the
# sample tells as little as that.
_WORTH: Final = 0.005


def settled(points: Floats, centers: Floats) -> Floats:
    """Centers float64[k, d] after Lloyd's algorithm (1982) over points float64[n, d].

    One that nobody is nearest to stays where it is.
    """
    last = np.inf
    for _ in range(_STEPS):
        found = nearest(points, centers)
        inertia = float(found.distance @ found.distance)
        centers = _means(points, found.cluster, centers)
        if inertia >= last * (1 - _STILL):
            break
        last = inertia
    return centers


def populated(points: Floats, centers: Floats, fewest: float = 1.0) -> Floats:
    """The means of each center's points, without centers that have fewer than the `fewest`.

    The center with the most points stays in any case.
    """
    cluster = nearest(points, centers).cluster
    counts = np.bincount(cluster, minlength=len(centers))
    enough = np.flatnonzero(counts >= min(max(fewest, 1), counts.max()))
    return np.array([points[cluster == held].mean(axis=0) for held in enough])


def improved(points: Floats, centers: Floats) -> Floats:
    """Settled centers, float64[k, d], after as many splits and merges as are worth it.

    Iterative splitting and merging (Kaukoranta, Fränti and Nevalainen, 1998): the cluster that
    is missed least is given up, as a dead or a double one is without loss, and the one that
    wins most is split along its longest axis.
    """
    centers = settled(points, centers)
    best = inertia_of(points, centers)
    for _ in range(len(centers)):
        trial = _split_for_merge(points, centers)
        if trial is None:
            break
        trial = settled(points, trial)
        inertia = inertia_of(points, trial)
        if inertia > best * (1 - _WORTH):
            break
        centers, best = trial, inertia
    return centers


def inertia_of(points: Floats, centers: Floats) -> float:
    """The sum of the squared distances of points to their nearest centers."""
    distance = nearest(points, centers).distance
    return float(distance @ distance)


def _means(points: Floats, cluster: Ints, centers: Floats) -> Floats:
    counts = np.bincount(cluster, minlength=len(centers))
    sums = np.stack([np.bincount(cluster, column, len(centers)) for column in points.T], axis=1)
    return np.where(counts[:, np.newaxis] > 0, sums / np.maximum(counts, 1)[:, np.newaxis], centers)


def _split_for_merge(points: Floats, centers: Floats) -> Floats | None:
    """Centers with one given up and one split, None if that can't be worth it."""
    squares = squared_distances(points, centers)
    cluster = squares.argmin(axis=0)
    own = squares[cluster, np.arange(len(points))]
    squares[cluster, np.arange(len(points))] = np.inf
    losses = np.bincount(cluster, squares.min(axis=0) - own, len(centers))
    splits = [_split(points[cluster == row]) for row in range(len(centers))]
    gains = np.array([gain for gain, _ in splits])
    balance = gains[:, np.newaxis] - losses[np.newaxis, :]  # of splitting one, giving up another
    np.fill_diagonal(balance, -np.inf)
    split, given_up = np.unravel_index(np.argmax(balance), balance.shape)
    if balance[split, given_up] <= 0:
        return None
    trial = centers.copy()
    trial[[split, given_up]] = splits[split][1]
    return trial


def _split(members: Floats) -> tuple[float, Floats]:
    """What two halves win over a cluster, cut at the mean of its longest axis, and their means."""
    if len(members) < 2:
        return 0.0, np.zeros((2, members.shape[1]))
    around = members - members.mean(axis=0)
    _, axes = np.linalg.eigh(around.T @ around)
    above = around @ axes[:, -1] > 0
    share = above.mean()
    if not 0 < share < 1:
        return 0.0, np.repeat(members[:1], 2, axis=0)
    halves = np.array([members[~above].mean(axis=0), members[above].mean(axis=0)])
    apart = halves[1] - halves[0]
    return float(len(members) * share * (1 - share) * (apart @ apart)), halves
