"""The nearest center of each point, and by how much it is the nearest."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.frame import Floats

# Distances are taken of so many (point, center) pairs at a time: 512 KiB stay in the cache,
# and a sweep over all users needs no more memory than one over a few.
_PAIRS: Final = 65_536


class Nearest(NamedTuple):
    """Of each of n points: int64[n], float64[n] and float64[n].

    `margin` is the distance to the next nearest center less that to the nearest: 0 on the
    border, infinite where there is one center only.
    """

    cluster: NDArray[np.int64]
    distance: Floats
    margin: Floats


def nearest(scaled: Floats, centers: Floats) -> Nearest:
    """The nearest of centers float64[k, d] to each point float64[n, d], Euclidean.

    Of centers at the same distance the first is taken, as River's KMeans does.
    """
    found = Nearest(np.empty(len(scaled), np.int64), *np.empty((2, len(scaled))))
    step = max(1, _PAIRS // len(centers))
    for start in range(0, len(scaled), step):
        block = slice(start, start + step)
        for whole, part in zip(found, _nearest(scaled[block], centers), strict=True):
            whole[block] = part
    return found


def _nearest(scaled: Floats, centers: Floats) -> Nearest:
    squares = squared_distances(scaled, centers)
    users = np.arange(len(scaled))
    cluster = squares.argmin(axis=0)
    distance = np.sqrt(squares[cluster, users])
    squares[cluster, users] = np.inf
    return Nearest(cluster, distance, np.sqrt(squares.min(axis=0)) - distance)


def squared_distances(scaled: Floats, centers: Floats) -> Floats:
    """float64[k, n], summed dimension by dimension: exact where x² - 2xc + c² cancels."""
    squares = np.zeros((len(centers), len(scaled)))
    gap = np.empty_like(squares)  # one for all dimensions: a fresh one each costs twice the time
    for x, center in zip(np.ascontiguousarray(scaled.T), centers.T, strict=True):
        np.subtract(x, center[:, np.newaxis], out=gap)
        np.multiply(gap, gap, out=gap)
        np.add(squares, gap, out=squares)
    return squares
