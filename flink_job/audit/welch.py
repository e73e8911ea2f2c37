"""The difference of two means, of users of unequal variances (Welch 1947)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from operators.base.arrays import Floats


def variance(users: Floats, total: Floats, squares: Floats) -> Floats:
    """The variance over users by sums of values and of their squares; NaN of one user."""
    apart = np.maximum(squares - total**2 / users, 0)
    found: Floats = np.divide(apart, users - 1, out=np.full(apart.shape, np.nan), where=users > 1)
    return found


@dataclass(frozen=True)
class Means:
    """Of n pairs of groups: users, the sum over users of the values, and of their squares.

    float64[n] each; those of the second group are the `other` ones.
    """

    users: Floats
    total: Floats
    squares: Floats
    other_users: Floats
    other_total: Floats
    other_squares: Floats

    @property
    def level(self) -> Floats:
        """The mean of the first."""
        return self.total / self.users

    @property
    def other_level(self) -> Floats:
        """The mean of the second."""
        return self.other_total / self.other_users

    @property
    def difference(self) -> Floats:
        """The first mean less the second."""
        return self.level - self.other_level

    @property
    def errors(self) -> tuple[Floats, Floats]:
        """The standard errors of both."""
        first, second = self._parts()
        return np.sqrt(first), np.sqrt(second)

    @property
    def error(self) -> Floats:
        """The standard error of the difference."""
        found: Floats = np.hypot(*self.errors)
        return found

    @property
    def freedom(self) -> Floats:
        """Satterthwaite's degrees of freedom; infinite where nothing varies."""
        first, second = self._parts()
        below = first**2 / (self.users - 1) + second**2 / (self.other_users - 1)
        infinite = np.full(below.shape, np.inf)
        found: Floats = np.divide((first + second) ** 2, below, out=infinite, where=below > 0)
        return found

    @property
    def cohens_d(self) -> Floats:
        """The difference in standard deviations: the root of the mean of both variances."""
        of_both = np.sqrt((self._variance() + self._other_variance()) / 2)
        found: Floats = np.divide(
            self.difference, of_both, out=np.zeros(of_both.shape), where=of_both > 0
        )
        return found

    def score(self, supposed: Floats) -> Floats:
        """Welch's t for a supposed difference."""
        apart = self.difference - supposed
        far = np.where(apart == 0, 0.0, np.copysign(np.inf, apart))
        found: Floats = np.divide(apart, self.error, out=far, where=self.error > 0)
        return found

    def p(self) -> Floats:
        """p of there being no difference, by a two-sided test."""
        found: Floats = 2 * special.stdtr(self.freedom, -np.abs(self.score(np.zeros(1))))
        return found

    def interval(self, alpha: float) -> tuple[Floats, Floats]:
        """The differences that a two-sided test at `alpha` does not reject."""
        reach = special.stdtrit(self.freedom, 1 - alpha / 2) * self.error
        return self.difference - reach, self.difference + reach

    def below(self, margin: Floats) -> Floats:
        """p of the difference being `margin` or more."""
        found: Floats = special.stdtr(self.freedom, self.score(margin))
        return found

    def above(self, margin: Floats) -> Floats:
        """p of the difference being `margin` or less."""
        found: Floats = special.stdtr(self.freedom, -self.score(margin))
        return found

    def _variance(self) -> Floats:
        return variance(self.users, self.total, self.squares)

    def _other_variance(self) -> Floats:
        return variance(self.other_users, self.other_total, self.other_squares)

    def _parts(self) -> tuple[Floats, Floats]:
        return self._variance() / self.users, self._other_variance() / self.other_users
