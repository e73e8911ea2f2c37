"""Offset and scale of a dimension, from its known values: scaled = (x - offset) / scale.

A scale of 0 says that all values are the same. Values are taken in units of their range from
their smallest on: a constant gives 0 exactly, and no square overflows or vanishes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from operators.base.arrays import Floats

Scaling = Callable[[Floats], tuple[float, float]]


def minmax(known: Floats) -> tuple[float, float]:
    """The smallest value and the range of values float64[m], m at least 1."""
    low = float(known.min())
    return low, float(known.max()) - low


def standard(known: Floats) -> tuple[float, float]:
    """Their mean and standard deviation, dividing by m."""
    low, spread = minmax(known)
    if spread == 0:
        return low, 0.0
    unit = (known - low) / spread
    return low + float(unit.mean()) * spread, float(unit.std()) * spread


def robust(known: Floats) -> tuple[float, float]:
    """Their median and interquartile range, which outliers don't move.

    Where the middle half of the values are the same but others are not, as with most users at
    0, the standard deviation takes the range's place.
    """
    quarter, median, three_quarters = np.percentile(known, (25, 50, 75)).tolist()
    return median, (three_quarters - quarter) or standard(known)[1]


SCALINGS: Final[dict[str, Scaling]] = {"minmax": minmax, "standard": standard, "robust": robust}
