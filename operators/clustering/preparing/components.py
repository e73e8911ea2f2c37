"""Principal components: fewer dimensions that keep most of how users differ."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from operators.base.arrays import Floats
from operators.clustering.preparing.product import product
from operators.clustering.stored import floats, to_bytes


class StoredComponents(msgspec.Struct, frozen=True):
    """Principal components, arrays as bytes."""

    center: bytes
    loadings: bytes
    explained: bytes


@dataclass(frozen=True, eq=False)
class Components:
    """The p directions in which d scaled dimensions vary most, the widest first.

    `center` is float64[d]. `loadings`, float64[p, d], are orthogonal rows of length 1: what
    each dimension adds to a component. `explained`, float64[p], is the share of the sample's
    variance along each; 0 if it has none at all.
    """

    center: Floats
    loadings: Floats
    explained: Floats

    @classmethod
    def fit(cls, scaled: Floats, p: int) -> Components:
        """The first p (at most d) components of a scaled sample float64[n, d], n at least 1.

        By the covariance's eigenvectors, of which there are d even where there are fewer points.
        """
        center = scaled.mean(axis=0)
        # In units of the largest deviation, no square of a deviation overflows or vanishes.
        apart = scaled - center
        apart /= np.abs(apart).max() or 1.0
        loadings, variances = axes_of(apart)
        variances = np.maximum(variances, 0.0)
        return cls(center, loadings[:p], variances[:p] / (variances.sum() or 1.0))

    def along(self, scaled: Floats) -> Floats:
        """Scaled points float64[n, d] along the components, float64[n, p]."""
        return product(scaled - self.center, self.loadings)

    def back(self, along: Floats) -> Floats:
        """Points along the components as scaled ones, float64[n, d]: the nearest that there are.

        What the other components would tell is at the sample's mean.
        """
        return product(along, self.loadings.T) + self.center

    def stored(self) -> StoredComponents:
        """The components for a message."""
        return StoredComponents(*map(to_bytes, (self.center, self.loadings, self.explained)))

    @classmethod
    def restored(cls, stored: StoredComponents, d: int) -> Components:
        """The components of d dimensions that `stored` gave.

        Raises:
            JobError: the arrays have another number of dimensions.
        """
        explained = floats(stored.explained, -1)
        loadings = floats(stored.loadings, len(explained), d)
        return cls(floats(stored.center, d), loadings, explained)


def axes_of(apart: Floats) -> tuple[Floats, Floats]:
    """The principal axes of points float64[n, d] around their mean (Pearson, 1901).

    Rows of length 1, float64[d, d], the axis of the largest variance first, and the points'
    summed squares along each, float64[d]. The largest part of each axis is positive, so that
    none is turned around where the points are a little different.
    """
    squares, directions = np.linalg.eigh(apart.T @ apart)  # in ascending order
    axes = directions.T[::-1]
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    return axes * np.sign(largest)[:, np.newaxis], squares[::-1]
