"""A matrix product that gives each row the same whoever else is there."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats


def product(points: Floats, weights: Floats) -> Floats:
    """Points float64[n, d] times weights float64[p, d], transposed: float64[n, p].

    Summed dimension by dimension. BLAS sums in another order for one row than for many, so a
    user's last bit, and with it a cluster now and then, would depend on the batch.
    """
    total = np.zeros((len(weights), len(points)))
    part = np.empty_like(total)
    for x, weight in zip(np.ascontiguousarray(points.T), weights.T, strict=True):
        np.multiply(x, weight[:, np.newaxis], out=part)
        np.add(total, part, out=total)
    turned: Floats = total.T
    return turned
