"""Intervals that hold at every look, however often one looks: asymptotic confidence sequences.

Robbins' normal mixture (1970) over estimated variances, as in Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
Statistics 52(6), 2024. An ordinary interval of 95 % that is looked at every day misses far oftener
than in 5 % of the cases; this one is wider, and may be stopped at whenever one likes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from operators.base.arrays import Floats

# Pairs of users at which intervals are tightest. It is fixed beforehand, as it must be.
_TIGHTEST_AT: Final = 1_000.0


def pairs_of(users: Floats, other_users: Floats) -> Floats:
    """How many pairs of users two groups are worth, by the variance of their difference."""
    return users * other_users / (users + other_users)


def reach(error: Floats, pairs: Floats, alpha: float) -> Floats:
    """How far the interval reaches to both sides of a difference with this standard error."""
    spread = pairs * _mixture(alpha)
    found: Floats = error * np.sqrt(
        (spread + 1) / spread * (np.log1p(spread) - 2 * math.log(alpha))
    )
    return found


def always_valid_p(score: Floats, pairs: Floats, alpha: float) -> Floats:
    """p that may be looked at at any time: `alpha` or less where the interval leaves out 0.

    One over the mixture's e-value. `score` is the difference by its standard error. The mixture
    is made for `alpha`.
    """
    spread = pairs * _mixture(alpha)
    log_e = (spread / (spread + 1) * score**2 - np.log1p(spread)) / 2
    found: Floats = np.exp(-np.maximum(log_e, 0))
    return found


def _mixture(alpha: float) -> float:
    """The variance of the mixture with the tightest intervals there, a pair (their appendix)."""
    double = -2 * math.log(alpha)
    return (double + math.log(double + 1)) / _TIGHTEST_AT
