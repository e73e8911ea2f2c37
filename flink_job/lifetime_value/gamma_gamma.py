"""Gamma-Gamma: for how much customers will buy, by what they have paid so far.

Fader, Hardie and Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of
Marketing Research 42(4), 2005; Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", 2013.
It takes what customers pay for having nothing to do with how often they buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from flink_job.lifetime_value.customers import Customers
from flink_job.lifetime_value.likelihood import Estimates, maximised
from operators.base.arrays import Floats

PARAMETERS: Final = ("p", "q", "gamma")
_STARTS: Final = ((1.0, 2.0, 1.0), (6.0, 4.0, 0.5), (0.5, 1.5, 3.0))
_FINITE: Final = 1.0  # q: at it or below, the mean of what customers pay is infinite


@dataclass(frozen=True)
class GammaGamma:
    """Purchases of a customer are gamma(p, nu), and nu of customers is gamma(q, gamma)."""

    p: float
    q: float
    gamma: float

    def expected(self, customers: Customers) -> Floats:
        """The mean value of a purchase of each: their own mean, drawn to that of all."""
        x = customers.frequency
        paid = self.gamma + x * customers.monetary_value
        found: Floats = self.p * paid / (self.p * x + self.q - 1)
        return found

    @property
    def mean(self) -> float:
        """The mean value of a purchase of a customer of whom nothing is known."""
        return self.p * self.gamma / (self.q - 1)


def log_likelihood(parameters: Floats, customers: Customers) -> tuple[float, Floats]:
    """That of p, q and gamma, and its derivatives, of who has bought again."""
    p, q, gamma = parameters
    x, mean = customers.frequency, customers.monetary_value
    px, paid = p * x, gamma + x * mean
    total = (
        special.gammaln(px + q)
        - special.gammaln(px)
        - special.gammaln(q)
        + q * np.log(gamma)
        + (px - 1) * np.log(mean)
        + px * np.log(x)
        - (px + q) * np.log(paid)
    )
    slopes = (
        x * (special.psi(px + q) - special.psi(px) + np.log(mean) + np.log(x) - np.log(paid)),
        special.psi(px + q) - special.psi(q) + np.log(gamma) - np.log(paid),
        q / gamma - (px + q) / paid,
    )
    return float(total.sum()), np.array([each.sum() for each in slopes])


def fit(customers: Customers) -> tuple[GammaGamma, Estimates]:
    """The model of who has bought again by maximum likelihood, and how sure it is.

    Values are scaled while it is fitted, so that their unit makes no difference.
    """
    told = customers.where(customers.repeating)
    scale = float(np.mean(told.monetary_value))
    scaled = Customers(
        told.names, told.frequency, told.recency, told.age, told.monetary_value / scale
    )
    found = maximised(lambda values: log_likelihood(values, scaled), _STARTS, len(told))
    unit = np.array([1.0, 1.0, scale])
    problem = found.problem
    if problem is None and found.values[1] <= _FINITE:
        problem = "the mean of what customers pay is infinite by the model (q is 1 or less)"
    estimates = Estimates(
        found.values * unit,
        found.errors * unit,
        found.log_likelihood - len(told) * float(np.log(scale)),
        problem,
    )
    return GammaGamma(*estimates.values.tolist()), estimates
