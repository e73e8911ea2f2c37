"""Differences within strata, such as weeks, and whether these turn what all together say.

Simpson's paradox (1951): two groups differ one way in total and the other way in each stratum,
where they are made of the strata in other shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from operators.base.arrays import Floats


@dataclass(frozen=True)
class MantelHaenszel:
    """Of tables over strata: the common odds ratio, and p of its being 1.

    The odds ratio is NaN where it can't be told: nobody converted on one side, or everybody.
    """

    odds_ratio: float
    p: float


def mantel_haenszel(tables: Floats) -> MantelHaenszel:
    """The Cochran-Mantel-Haenszel test without a correction, of tables float64[strata, 2, 2].

    A row a group, a column converted and not. Mantel and Haenszel 1959.
    """
    users = tables.sum(axis=(1, 2))
    told = tables[users > 1]
    users = users[users > 1]
    (a, b), (c, d) = np.moveaxis(told, 0, -1)
    usual = (a + b) * (a + c) / users
    spread = (a + b) * (c + d) * (a + c) * (b + d) / (users**2 * (users - 1))
    above, below = float(np.sum(a * d / users)), float(np.sum(b * c / users))
    varied = float(spread.sum())
    statistic = float((a - usual).sum()) ** 2 / varied if varied > 0 else 0.0
    return MantelHaenszel(
        above / below if above > 0 and below > 0 else float("nan"),
        float(special.chdtrc(1, statistic)),
    )


@dataclass(frozen=True)
class Adjusted:
    """The difference of two means within strata: their mean by weight, and its standard error."""

    difference: float
    error: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """The differences that a two-sided test at `alpha` does not reject."""
        reach = float(special.ndtri(1 - alpha / 2)) * self.error
        return self.difference - reach, self.difference + reach


def within_strata(differences: Floats, errors: Floats, pairs: Floats) -> Adjusted:
    """Weigh the differences of strata by the pairs of users that they are worth, float64[n] each.

    For shares these are Mantel and Haenszel's weights for a difference (Greenland and Robins 1985).
    """
    weights = pairs / pairs.sum()
    error = float(np.sqrt(np.sum((weights * errors) ** 2)))
    return Adjusted(float(np.sum(weights * differences)), error)


def reverses(whole: tuple[float, float], adjusted: tuple[float, float]) -> bool:
    """Whether one interval lies above 0 and the other below it."""
    return (whole[0] > 0 and adjusted[1] < 0) or (whole[1] < 0 and adjusted[0] > 0)
