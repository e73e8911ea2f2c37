"""The difference of two shares by the score test: its p, its interval, and both fit each other.

Under a difference that is supposed, shares are estimated by maximum likelihood (Farrington and
Manning 1990); the interval is made of all differences that the test does not reject (Mee 1984,
Newcombe's method 5). Of a difference of 0 that is Pearson's chi-squared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from operators.base.arrays import Floats

_HALVINGS: Final = 54  # of [-1, 1]: to the last bit
_POLISHED: Final = 3  # steps of Newton's after the formula, which loses half of the digits


@dataclass(frozen=True)
class Shares:
    """Of n pairs: how many of `users` and of `other_users` converted. float64[n] each."""

    converted: Floats
    users: Floats
    other_converted: Floats
    other_users: Floats

    @property
    def level(self) -> Floats:
        """The share of the first."""
        return self.converted / self.users

    @property
    def other_level(self) -> Floats:
        """The share of the second."""
        return self.other_converted / self.other_users

    @property
    def difference(self) -> Floats:
        """The first share less the second."""
        return self.level - self.other_level

    @property
    def errors(self) -> tuple[Floats, Floats]:
        """The standard errors of both, with one more on each side that did and that did not.

        So that nobody, or everybody, of few is not taken for certain (Agresti and Caffo 2000).
        """
        return (
            _error(self.converted, self.users),
            _error(self.other_converted, self.other_users),
        )

    @property
    def error(self) -> Floats:
        """The standard error of the difference."""
        found: Floats = np.hypot(*self.errors)
        return found

    def score(self, supposed: Floats) -> Floats:
        """The score statistic for a supposed difference: standard normal if it is the true one."""
        first = _under(self, supposed)
        second = first - supposed
        variance = first * (1 - first) / self.users + second * (1 - second) / self.other_users
        apart = self.difference - supposed
        far = np.where(apart == 0, 0.0, np.copysign(np.inf, apart))
        score: Floats = np.divide(
            apart, np.sqrt(np.maximum(variance, 0)), out=far, where=variance > 0
        )
        return score

    def interval(self, alpha: float) -> tuple[Floats, Floats]:
        """The differences that a two-sided test at `alpha` does not reject."""
        critical = float(special.ndtri(1 - alpha / 2))
        return self._at(critical), self._at(-critical)

    def below(self, margin: Floats) -> Floats:
        """p of the difference being `margin` or more."""
        p: Floats = special.ndtr(self.score(margin))
        return p

    def above(self, margin: Floats) -> Floats:
        """p of the difference being `margin` or less."""
        p: Floats = special.ndtr(-self.score(margin))
        return p

    def _at(self, score: float) -> Floats:
        """The supposed difference that has a score; scores fall as it grows."""
        low, high = np.full(self.users.shape, -1.0), np.full(self.users.shape, 1.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            larger = self.score(middle) > score
            low, high = np.where(larger, middle, low), np.where(larger, high, middle)
        found: Floats = (low + high) / 2
        return found


def _error(converted: Floats, users: Floats) -> Floats:
    share = (converted + 1) / (users + 2)
    found: Floats = np.sqrt(share * (1 - share) / (users + 2))
    return found


def _under(shares: Shares, supposed: Floats) -> Floats:
    """The first share by maximum likelihood where the shares differ by so much."""
    ratio, share, other = shares.other_users / shares.users, shares.level, shares.other_level
    a = 1 + ratio
    b = -(1 + ratio + share + ratio * other + supposed * (ratio + 2))
    c = supposed**2 + supposed * (2 * share + ratio + 1) + share + ratio * other
    d = -share * supposed * (1 + supposed)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.copysign(np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0)), v)
    cosine = np.divide(v, u**3, out=np.ones(v.shape), where=u != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1, 1))) / 3
    found = 2 * u * np.cos(angle) - b / (3 * a)
    for _ in range(_POLISHED):
        slope = (3 * a * found + 2 * b) * found + c
        value = ((a * found + b) * found + c) * found + d
        found = found - np.divide(value, slope, out=np.zeros(v.shape), where=slope != 0)
    bounded: Floats = np.clip(found, np.maximum(supposed, 0), np.minimum(1 + supposed, 1))
    return bounded
