"""River's KMeans with its centers as an array."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats


class OnlineKMeans:
    """Sequential k-means by River: each point draws its nearest center `halflife` of the way.

    MacQueen's method (1967) with a constant rate, which follows drift. It begins with these
    centers, float64[k, d].
    """

    def __init__(self, centers: Floats, halflife: float) -> None:
        from river import cluster  # noqa: PLC0415 - 0.3 s, only where models are learned

        self._river = cluster.KMeans(len(centers), halflife=halflife)
        # Whole numbers as keys: River sums over a set of keys, and the order of texts in a set,
        # hence the last bit of a distance, differs from process to process.
        rows = enumerate(centers.tolist())
        self._river.centers = {held: dict(enumerate(row)) for held, row in rows}

    def learn(self, scaled: Floats) -> None:
        """Learn scaled points float64[m, d], one after the other."""
        for row in scaled.tolist():
            self._river.learn_one(dict(enumerate(row)))

    @property
    def centers(self) -> Floats:
        """The centers, float64[k, d]."""
        return np.array([list(center.values()) for center in self._river.centers.values()])
