"""BG/NBD: how often customers will buy, and whether they will at all.

While they are customers they buy at a rate of their own, and after each purchase they may be gone
for good: Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24(2),
2005. All is computed by logarithms, and expectations from an integral that holds for all
parameters, where the paper's formula breaks down at a = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy import special

from flink_job.lifetime_value.customers import Customers
from flink_job.lifetime_value.likelihood import Estimates, maximised
from operators.base.arrays import Floats

PARAMETERS: Final = ("r", "alpha", "a", "b")
_NODES: Final = 48  # of the quadrature: errors are below 1e-10
_STARTS: Final = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.3, 0.8, 2.5), (3.0, 3.0, 0.1, 1.0))


@dataclass(frozen=True)
class BgNbd:
    """Rates are gamma(r, alpha), chances of being gone beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, customers: Customers) -> Floats:
        """The probability that each is a customer still."""
        x, since = customers.frequency, customers.age + self.alpha
        until = customers.recency + self.alpha
        with np.errstate(divide="ignore"):  # of who has not bought again, who is one for sure
            odds = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, np.inf))
        found: Floats = special.expit(-(odds + (self.r + x) * (np.log(since) - np.log(until))))
        return np.where(x > 0, found, 1.0)

    def expected(self, customers: Customers, horizon: float) -> Floats:
        """How many purchases each will make within a time from now on."""
        seen = np.stack([customers.frequency, customers.age], axis=1)
        distinct, of = np.unique(seen, axis=0, return_inverse=True)
        if_alive = self._if_alive(distinct[:, 0], distinct[:, 1], horizon)
        found: Floats = self.alive(customers) * if_alive[of.ravel()]
        return found

    def expected_of_new(self, horizon: float) -> float:
        """How many purchases a new customer will make after the first, within a time."""
        return float(self._if_alive(np.zeros(1), np.zeros(1), horizon)[0])

    def _if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """The integral of the expected rate of who is a customer now, by Gauss and Legendre.

        It is taken over the logarithm of time, as the rate falls by a power.
        """
        alpha = (self.alpha + age)[:, None]
        nodes, weights = leggauss(_NODES)
        end = np.log1p(horizon / alpha)
        grown = np.expm1(end * (nodes + 1) / 2)
        steps = end / 2 * weights * alpha * (1 + grown)
        found: Floats = np.sum(steps * self._rate(x[:, None], alpha, grown), axis=1)
        return found

    def _rate(self, x: Floats, alpha: Floats, grown: Floats) -> Floats:
        """The expected rate of purchases after a time, `grown` times alpha, of who is a customer.

        It is (r + x) / alpha times 2F1(r + x + 1, a; a + b + x; -grown), after that of Pfaff's two
        transformations that keeps numbers small. What is too small for a number is 0.
        """
        r, a, both = self.r + x, self.a, self.a + self.b + x
        share = grown / (1 + grown)
        with np.errstate(invalid="ignore", over="ignore"):
            by_a = (1 + grown) ** -a * special.hyp2f1(a, both - r - 1, both, share)
            by_r = (1 + grown) ** -(r + 1) * special.hyp2f1(r + 1, both - a, both, share)
        found: Floats = r / alpha * np.nan_to_num(np.where(a < r + 1, by_a, by_r))
        return found


def log_likelihood(parameters: Floats, customers: Customers) -> tuple[float, Floats]:
    """That of r, alpha, a and b, and its derivatives (the paper's equation 6)."""
    r, alpha, a, b = parameters
    x, recency, age = customers.frequency, customers.recency, customers.age
    again = x > 0
    since, until = np.log(alpha + age), np.log(alpha + recency)
    others = np.where(again, b + x - 1, 1.0)
    stayed = -(r + x) * since
    left = np.where(again, np.log(a) - np.log(others) - (r + x) * until, -np.inf)
    either = np.logaddexp(stayed, left)
    total = (
        *(special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha),),
        *(special.betaln(a, b + x) - special.betaln(a, b), either),
    )
    p_stayed, p_left = np.exp(stayed - either), np.exp(left - either)
    over = special.psi(a + b) - special.psi(a + b + x)
    inverse = p_stayed / (alpha + age) + p_left / (alpha + recency)
    slopes = (
        special.psi(r + x) - special.psi(r) + np.log(alpha) - p_stayed * since - p_left * until,
        r / alpha - (r + x) * inverse,
        over + p_left / a,
        over + special.psi(b + x) - special.psi(b) - p_left / others,
    )
    return float(sum(part.sum() for part in total)), np.array([each.sum() for each in slopes])


def fit(customers: Customers) -> tuple[BgNbd, Estimates]:
    """The model of customers by maximum likelihood, and how sure it is.

    Times are scaled while it is fitted, so that their unit makes no difference.
    """
    scale = float(customers.age.max()) or 1.0
    scaled = Customers(
        customers.names,
        customers.frequency,
        customers.recency / scale,
        customers.age / scale,
        customers.monetary_value,
    )
    found = maximised(lambda values: log_likelihood(values, scaled), _STARTS, len(customers))
    unit = np.array([1.0, scale, 1.0, 1.0])
    repeated = float(customers.frequency.sum())
    estimates = Estimates(
        found.values * unit,
        found.errors * unit,
        found.log_likelihood - repeated * np.log(scale),
        found.problem,
    )
    return BgNbd(*estimates.values.tolist()), estimates
