"""Points that go from center to center: of many points of each user, those at which one moves."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats, Ints, Mask
from operators.base.runs import Runs
from operators.clustering.nearest import squared_distances


class ClusterMoves:
    """n points float64[n, d] among centers float64[k, d], and how their users stick."""

    def __init__(self, scaled: Floats, centers: Floats, stick: float) -> None:
        distances = np.sqrt(squared_distances(scaled, centers))
        self._distances, self._stick = distances, stick
        self._best: Ints = distances.argmin(axis=0)
        self._nearest = distances.min(axis=0, initial=np.inf)

    def taken(self, runs: Runs, held: Ints, placed: Mask) -> Ints:
        """The center to which a user moves at each point, int64[n], -1 where one stays.

        Each run is a user's points in their order, and `held`, int64[users], with which center
        the user was before: -1 for none. Who is with one moves where `placed` alone.
        """
        held, moved_to = held.copy(), np.full(len(placed), -1)
        left = np.arange(len(placed))
        while len(left):
            users = runs.of[left]
            moving = left[self._moving(left, held[users], placed[left])]
            movers, first = np.unique(runs.of[moving], return_index=True)
            at = moving[first]
            moved_to[at] = held[movers] = self._best[at]
            reached = np.full(len(held), len(placed))
            reached[movers] = at
            left = left[left > reached[users]]
        return moved_to

    def _moving(self, points: Ints, own: Ints, placed: Mask) -> Mask:
        """Who would move at these points, had they come with these centers."""
        gives = (1 - self._stick) * self._distances[own, points]
        nearer = (self._best[points] != own) & (self._nearest[points] < gives)
        moving: Mask = (own < 0) | (placed & nearer)
        return moving
