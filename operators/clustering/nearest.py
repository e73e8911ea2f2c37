"""The nearest center of each point, or the one that the point stays with, and by how much."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from operators.base.arrays import Floats, Ints

# Distances are taken of so many (point, center) pairs at a time: 512 KiB stay in the cache,
# and a sweep over all users needs no more memory than one over a few.
_PAIRS: Final = 65_536


class Nearest(NamedTuple):
    """Of each of n points the row of its center, int64[n], float64[n] and float64[n].

    `margin` is the distance to the nearest other center less that to its own: 0 on the border,
    infinite where there is one center only, and negative where a point stays with a center
    though another is nearer.
    """

    cluster: Ints
    distance: Floats
    margin: Floats


class Incumbents(NamedTuple):
    """The rows of the centers that n points are with, int64[n], -1 for none, and how they stick.

    A point stays with its center unless another is nearer by more than the share `stick` (from
    0, below 1) of the distance: d_other < (1 - stick) * d_own.
    """

    cluster: Ints
    stick: float


def nearest(scaled: Floats, centers: Floats, held: Incumbents | None = None) -> Nearest:
    """The nearest of centers float64[k, d] to each point float64[n, d], Euclidean.

    Of centers at the same distance the first is taken, as River's KMeans does. Points that are
    held may have another one.
    """
    found = Nearest(np.empty(len(scaled), np.int64), *np.empty((2, len(scaled))))
    step = max(1, _PAIRS // len(centers))
    for start in range(0, len(scaled), step):
        block = slice(start, start + step)
        own = None if held is None else held._replace(cluster=held.cluster[block])
        for whole, part in zip(found, _nearest(scaled[block], centers, own), strict=True):
            whole[block] = part
    return found


def squared_distances(scaled: Floats, centers: Floats) -> Floats:
    """float64[k, n], summed dimension by dimension: exact where x² - 2xc + c² cancels."""
    squares = np.zeros((len(centers), len(scaled)))
    gap = np.empty_like(squares)  # one for all dimensions: a fresh one each costs twice the time
    for x, center in zip(np.ascontiguousarray(scaled.T), centers.T, strict=True):
        np.subtract(x, center[:, np.newaxis], out=gap)
        np.multiply(gap, gap, out=gap)
        np.add(squares, gap, out=squares)
    return squares


def apart(centers: Floats) -> Floats:
    """How far each of centers float64[k, d] is from each other, float64[k, k]; from itself, inf."""
    distances = np.sqrt(squared_distances(centers, centers))
    np.fill_diagonal(distances, np.inf)
    return distances


def _nearest(scaled: Floats, centers: Floats, held: Incumbents | None) -> Nearest:
    squares = squared_distances(scaled, centers)
    users = np.arange(len(scaled))
    cluster = squares.argmin(axis=0)
    if held is not None:
        cluster = _kept(squares, cluster, held)
    distance = np.sqrt(squares[cluster, users])
    squares[cluster, users] = np.inf
    return Nearest(cluster, distance, np.sqrt(squares.min(axis=0)) - distance)


def _kept(squares: Floats, best: Ints, held: Incumbents) -> Ints:
    """The center of each point, by squared distances float64[k, n] and the nearest of each."""
    kept = best.copy()
    users = np.flatnonzero((held.cluster >= 0) & (held.cluster != best))
    own = held.cluster[users]
    nearer = np.sqrt(squares[best[users], users])
    stays = ~(nearer < (1 - held.stick) * np.sqrt(squares[own, users]))
    kept[users[stays]] = own[stays]
    return kept
