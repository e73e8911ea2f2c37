"""What stands in for a missing coordinate: the mean of all values, or a recent median.

A dimension without any value is imputed by 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from operators.frame import Floats


class Imputer(Protocol):
    """What an online imputer has learned: a value for every dimension."""

    rows: ClassVar[int]  # of its state

    def learn(self, x: Mapping[int, float]) -> None:
        """Take in the known coordinates of one point."""

    def values(self, recent: Floats) -> Floats:
        """float64[d], given the recent raw points float64[n, d], NaN for missing."""

    def state(self, d: int) -> Floats:
        """All that was learned besides the recent points, float64[rows, d]."""

    def restore(self, state: Floats) -> None:
        """Put back what `state` gave."""


class MeanImputer:
    """The mean of all known values, by River's running Mean."""

    rows: ClassVar[int] = 2

    def __init__(self) -> None:
        from river import stats  # noqa: PLC0415 - like all of River, only where models are learned

        self._new_mean = stats.Mean
        self._means: dict[int, stats.Mean] = {}

    def learn(self, x: Mapping[int, float]) -> None:
        """Take in the known coordinates of one point."""
        for i, value in x.items():
            if i not in self._means:
                self._means[i] = self._new_mean()
            self._means[i].update(value)

    def values(self, recent: Floats) -> Floats:
        """The means; the recent points change nothing."""
        means: Floats = self.state(recent.shape[1])[1]
        return means

    def state(self, d: int) -> Floats:
        """Counts and means, float64[2, d]."""
        held = [self._means.get(i) for i in range(d)]
        return np.array(
            [(mean.n, mean.get()) if mean is not None else (0.0, 0.0) for mean in held]
        ).T

    def restore(self, state: Floats) -> None:
        """Put back what `state` gave."""
        for i, (count, mean) in enumerate(state.T.tolist()):
            self._means[i] = self._new_mean()._from_state(count, mean)


class MedianImputer:
    """The median of the recent values: exact for them, and it follows slow change."""

    rows: ClassVar[int] = 0

    def learn(self, x: Mapping[int, float]) -> None:
        """Nothing: the recent points hold all there is to know."""

    def values(self, recent: Floats) -> Floats:
        """The medians; the mean of the two in the middle of an even number."""
        return medians(recent)

    def state(self, d: int) -> Floats:
        """Empty, float64[0, d]."""
        return np.empty((0, d))

    def restore(self, state: Floats) -> None:
        """Nothing to put back."""


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


def new_imputer(kind: str) -> Imputer:
    """The imputer of a config's `impute`, with nothing learned."""
    return MeanImputer() if kind == "mean" else MedianImputer()
