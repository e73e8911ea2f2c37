"""The plane in which points differ most: their first two principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats
from operators.clustering.preparing.components import axes_of

_AXES: Final = 2
_ROUNDING: Final = 1e-12  # points apart by no more than this part of the largest are one


@dataclass(frozen=True, eq=False)
class Plane:
    """Two axes through the mean of points in d dimensions.

    `origin` is float64[d], `directions` float64[2, d], and `explained` float64[2], the share of
    the points' variance along each: 0 where they don't differ any more.
    """

    origin: Floats
    directions: Floats
    explained: Floats

    @classmethod
    def of(cls, points: Floats) -> Plane:
        """The plane of finite points float64[n, d]; of none it is that of some dimensions.

        It does not flip over from one version of a model to the next.
        """
        d = points.shape[1]
        origin = points.sum(axis=0) / max(len(points), 1)
        apart = points - origin
        directions, variances = axes_of(apart)
        axes, along = np.zeros((_AXES, d)), np.zeros(_AXES)  # of one dimension the second is empty
        axes[:d], along[:d] = directions[:_AXES], variances[:_AXES]
        total = variances.sum()
        rounding = len(points) * (_ROUNDING * np.abs(points).max(initial=0.0)) ** 2
        explained = np.clip(along / total, 0, 1) if total > rounding else np.zeros(_AXES)
        return cls(origin, axes, explained)

    def places(self, points: Floats) -> Floats:
        """Where points float64[n, d] lie in the plane, float64[n, 2]."""
        placed: Floats = (points - self.origin) @ self.directions.T
        return placed
