"""How many clusters there are: the k with the best silhouette, and the curve that says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from operators.base.arrays import Floats
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.nearest import nearest
from operators.clustering.quality import silhouette

# A silhouette of 500 users is known to 0.02 or so: a larger k must be better by more.
TOLERANCE: Final = 0.02
# Ten fits to each k, up to ten or so, take half a second with these; more change no choice.
_MOST_USERS: Final = 2_000


class ChosenK(msgspec.Struct, frozen=True):
    """The chosen number of clusters, and of each number tried the silhouette, (k, -1 to 1)."""

    k: int
    curve: tuple[tuple[int, float], ...]


def choose(scaled: Floats, fewest: int, most: int, seed: int) -> ChosenK:
    """Choose k from `fewest` (at least 2) to `most` for scaled points float64[n, d], n at least 1.

    The smallest k whose silhouette (Rousseeuw, 1987) is within `TOLERANCE` of the best, so that
    small changes of the sample choose no other. No k beyond the number of distinct points is
    tried; where that leaves none the choice is `fewest`, and the curve is empty.
    """
    step = -(-len(scaled) // _MOST_USERS)
    curve = tuple(_curve(scaled[::step], range(fewest, most + 1), seed))
    best = max((height for _, height in curve), default=0.0)
    good = (k for k, height in curve if height >= best - TOLERANCE)
    return ChosenK(next(good, fewest), curve)


def _curve(sample: Floats, tried: range, seed: int) -> Iterator[tuple[int, float]]:
    for k in tried:
        centers = first_centers(sample, k, seed)
        if len(centers) < k:
            return
        yield k, silhouette(sample, nearest(sample, centers).cluster)
