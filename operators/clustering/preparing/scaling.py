"""River's scalers, with their state as arrays.

Dimensions are numbered: River's dicts have the keys 0 to d - 1. A dimension without any value
so far, as one-hot ones are here, has offset 0 and scale 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from operators.frame import Floats


class Scaler(Protocol):
    """What an online scaler has learned: offset and scale of every dimension."""

    rows: ClassVar[int]  # of its state

    def learn(self, x: Mapping[int, float]) -> None:
        """Take in the known coordinates of one point."""

    def offset_and_scale(self, d: int) -> Floats:
        """float64[2, d]; a scale of 0 says that the dimension is constant so far."""

    def state(self, d: int) -> Floats:
        """All that was learned, float64[rows, d]."""

    def restore(self, state: Floats) -> None:
        """Put back what `state` gave."""


class StandardScaler:
    """Mean and standard deviation, by River's StandardScaler (Welford's algorithm)."""

    rows: ClassVar[int] = 3

    def __init__(self) -> None:
        from river import preprocessing  # noqa: PLC0415 - 0.4 s, only where models are learned

        self._river = preprocessing.StandardScaler()

    def learn(self, x: Mapping[int, float]) -> None:
        """Take in the known coordinates of one point."""
        self._river.learn_one(x)

    def offset_and_scale(self, d: int) -> Floats:
        """Means and standard deviations."""
        _, means, variances = self.state(d).tolist()
        # As River takes the root; numpy's differs in the last bit now and then.
        return np.array([means, [variance**0.5 for variance in variances]])

    def state(self, d: int) -> Floats:
        """Counts, means and variances, float64[3, d]."""
        parts = (self._river.counts, self._river.means, self._river.vars)
        return np.array([[part.get(i, 0.0) for i in range(d)] for part in parts])

    def restore(self, state: Floats) -> None:
        """Put back what `state` gave."""
        counts, means, variances = state.tolist()
        self._river.counts.update({i: int(count) for i, count in enumerate(counts)})
        self._river.means.update(enumerate(means))
        self._river.vars.update(enumerate(variances))


class MinMaxScaler:
    """Smallest value and range, by River's MinMaxScaler."""

    rows: ClassVar[int] = 2

    def __init__(self) -> None:
        from river import preprocessing  # noqa: PLC0415 - 0.4 s, only where models are learned

        self._river = preprocessing.MinMaxScaler()

    def learn(self, x: Mapping[int, float]) -> None:
        """Take in the known coordinates of one point."""
        self._river.learn_one(x)

    def offset_and_scale(self, d: int) -> Floats:
        """Smallest values and ranges."""
        low, high = self.state(d)
        known = low <= high
        low = np.where(known, low, 0.0)
        return np.array([low, np.where(known, high, 0.0) - low])

    def state(self, d: int) -> Floats:
        """Smallest and largest values, float64[2, d]; infinity and -infinity for none."""
        low, high = self._river.min, self._river.max
        return np.array(
            [
                [low[i].min if i in low else math.inf for i in range(d)],
                [high[i].max if i in high else -math.inf for i in range(d)],
            ]
        )

    def restore(self, state: Floats) -> None:
        """Put back what `state` gave."""
        for i, (low, high) in enumerate(state.T.tolist()):
            self._river.min[i].update(low)
            self._river.max[i].update(high)


def new_scaler(kind: str) -> Scaler:
    """The scaler of a config's `scale`, with nothing learned."""
    return MinMaxScaler() if kind == "minmax" else StandardScaler()
