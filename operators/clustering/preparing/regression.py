"""Missing coordinates as the others tell them: a ridge regression a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats
from operators.clustering.preparing.product import product
from operators.clustering.stored import floats, to_bytes

# In squared standard deviations: as much as one user who is one deviation off.
_PENALTY: Final = 1.0
# With fewer known values for each weight, weights are mostly noise.
_VALUES_PER_WEIGHT: Final = 5


class StoredRegression(msgspec.Struct, frozen=True):
    """A regression, arrays as bytes."""

    weights: bytes
    intercept: bytes
    low: bytes
    high: bytes


@dataclass(frozen=True, eq=False)
class Regression:
    """What each dimension is expected to be, given the others, all scaled.

    `weights` is float64[d, d], a row a dimension, 0 on the diagonal; `intercept`, `low` and
    `high` are float64[d]. Nothing is expected outside of what was seen, from `low` to `high`.
    """

    weights: Floats
    intercept: Floats
    low: Floats
    high: Floats

    @classmethod
    def fit(cls, filled: Floats, known: NDArray[np.bool_], stand_in: Floats) -> Regression:
        """The regression over a scaled sample float64[n, d], n at least 1.

        `filled` has `stand_in`, float64[d], where `known`, bool[n, d], is false. A dimension
        with less than five known values for each other dimension is expected to be at its
        stand-in.
        """
        d = len(stand_in)
        weights, intercept = np.zeros((d, d)), stand_in.copy()
        center, spread = filled.mean(axis=0), filled.std(axis=0)
        # In units of the deviation the penalty weighs the same under each scale, and is enough to
        # keep the normal equations from being singular. A constant tells nothing.
        per_unit = 1 / np.where(spread > 0, spread, np.inf)
        unit = (filled - center) * per_unit
        for at in np.flatnonzero(known.sum(axis=0) >= _VALUES_PER_WEIGHT * max(d - 1, 1)).tolist():
            others, rows = np.arange(d) != at, known[:, at]
            if others.any():
                slopes, level = _ridge(unit[rows][:, others], filled[rows, at])
                weights[at, others] = slopes * per_unit[others]
                intercept[at] = level - weights[at] @ center
        low = np.where(known, filled, stand_in).min(axis=0)
        high = np.where(known, filled, stand_in).max(axis=0)
        return cls(weights, intercept, low, high)

    def expected(self, filled: Floats) -> Floats:
        """What each coordinate is expected to be, float64[n, d], given scaled points.

        Where one of the others is missing, too, its stand-in must be there.
        """
        return np.clip(product(filled, self.weights) + self.intercept, self.low, self.high)

    def stored(self) -> StoredRegression:
        """The regression for a message."""
        parts = (self.weights, self.intercept, self.low, self.high)
        return StoredRegression(*map(to_bytes, parts))

    @classmethod
    def restored(cls, stored: StoredRegression, d: int) -> Regression:
        """The regression over d dimensions that `stored` gave.

        Raises:
            JobError: the arrays have another number of dimensions.
        """
        lines = (stored.intercept, stored.low, stored.high)
        return cls(floats(stored.weights, d, d), *(floats(line, d) for line in lines))


def _ridge(regressors: Floats, target: Floats) -> tuple[Floats, float]:
    """Slopes and level of a ridge regression (Hoerl and Kennard, 1970), by scikit-learn."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - 0.9 s, only where models are learned

    fit = Ridge(alpha=_PENALTY, solver="cholesky").fit(regressors, target)
    return fit.coef_, float(fit.intercept_)
