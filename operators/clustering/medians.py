"""Medians of columns with gaps."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats


def medians(points: Floats) -> Floats:
    """The median of the known values of each column, float64[d]; 0 for none.

    As numpy's nanmedian, which takes ten times as long.
    """
    if not len(points):
        return np.zeros(points.shape[1])
    ordered = np.sort(np.ascontiguousarray(points.T), axis=1)  # NaN comes last
    known = np.count_nonzero(~np.isnan(ordered), axis=1)
    columns = np.arange(len(known))
    middle = ordered[columns, (known - 1) // 2] + ordered[columns, known // 2]
    return np.where(known > 0, middle / 2, 0.0)
