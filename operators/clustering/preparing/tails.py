"""Heavy tails: the logarithm that shortens them, and the rule that says which are heavy."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Floats

# Of amounts that decay exponentially, as waits and spendings mostly do, it is a third; of a
# log-normal with a deviation of 1 it is 0.46.
HEAVY: Final = 0.4
# With fewer values the L-skewness itself is known to 0.1 or so only.
FEWEST: Final = 50


def logged(values: Floats) -> Floats:
    """sign(x) log(1 + |x|): 0 stays 0, and no sign is lost."""
    shortened: Floats = np.copysign(np.log1p(np.abs(values)), values)
    return shortened


def unlogged(values: Floats) -> Floats:
    """The values whose `logged` these are; infinite above 709."""
    with np.errstate(over="ignore"):
        restored: Floats = np.copysign(np.expm1(np.abs(values)), values)
    return restored


def heavy(known: Floats) -> bool:
    """Whether values float64[m], all known, have a heavy tail: the rule of `log: auto`.

    They have if the L-skewness of their magnitudes is above 0.4 (Hosking, 1990). A few outliers
    hardly move it, unlike a moment, so a feature does not go in and out from fit to fit.
    """
    return len(known) >= FEWEST and l_skewness(np.abs(known)) > HEAVY


def l_skewness(values: Floats) -> float:
    """The sample's L-skewness, from -1 to 1; 0 for constant values.

    By unbiased probability-weighted moments (Hosking, 1990), of at least 3 values.
    """
    ordered = np.sort(values)
    spread = ordered[-1] - ordered[0]
    if spread == 0:
        return 0.0
    unit = (ordered - ordered[0]) / spread
    m, rank = len(unit), np.arange(len(unit))
    first = (unit * rank).sum() / (m - 1)
    second = (unit * rank * (rank - 1)).sum() / ((m - 1) * (m - 2))
    scale = 2 * first - unit.sum()
    return float((6 * second - 6 * first + unit.sum()) / scale)
