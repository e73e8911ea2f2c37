"""How a raw point becomes one that distances can be taken of: logged, imputed, scaled, turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Floats
from operators.clustering.preparing.components import Components, StoredComponents
from operators.clustering.preparing.regression import Regression, StoredRegression
from operators.clustering.preparing.tails import logged, unlogged
from operators.clustering.stored import floats, to_bytes

# A coordinate beyond this counts as missing, as infinities do: its square, summed over any
# number of dimensions, must still be a finite float64.
LARGEST: Final = 1e100


def usable(points: Floats) -> Floats:
    """The points with NaN for every coordinate that is infinite or beyond `LARGEST`."""
    return np.where(np.abs(points) <= LARGEST, points, np.nan)


class StoredPreparation(msgspec.Struct, frozen=True):
    """A preparation, arrays as bytes."""

    impute: bytes
    offset: bytes
    scale: bytes
    logs: tuple[int, ...]
    regression: StoredRegression | None
    components: StoredComponents | None


@dataclass(frozen=True, eq=False)
class Preparation:
    """How a point of d dimensions becomes a scaled point of p.

    One after the other: the dimensions numbered in `logs` give way to their logarithms;
    `impute`, float64[d], stands in for what is missing; all are scaled, (x - offset) / scale
    with float64[d] each, where a dimension of scale 0 is constant so far, and 0 for every x, as
    in River's scalers; what was missing becomes what `regression`, if there is one, expects;
    and `components`, if there are any, take the place of the dimensions.
    """

    impute: Floats
    offset: Floats
    scale: Floats
    logs: tuple[int, ...] = ()
    regression: Regression | None = None
    components: Components | None = None

    @property
    def width(self) -> int:
        """p, the number of dimensions of scaled points."""
        return len(self.scale) if self.components is None else len(self.components.loadings)

    def scaled(self, points: Floats) -> Floats:
        """Raw points float64[n, d], NaN for missing, as finite scaled points float64[n, p]."""
        # Numpy is faster along many users than along a few dimensions.
        points = np.asfortranarray(points)
        known = np.abs(points) <= LARGEST
        filled = np.where(known, with_logs(points, self.logs), self.impute)
        scaled = self._to_scale(filled)
        if self.regression is not None and not known.all():
            scaled = np.where(known, scaled, self.regression.expected(scaled))
        return self._turned(scaled)

    def in_units(self, scaled: Floats) -> Floats:
        """Scaled points float64[n, p] in the features' own units, float64[n, d]."""
        if self.components is not None:
            scaled = self.components.back(scaled)
        points = scaled * self.scale + self.offset
        for at in self.logs:
            points[:, at] = unlogged(points[:, at])
        return np.clip(points, -LARGEST, LARGEST, out=points)

    def adopt(self, scaled: Floats, before: Preparation) -> Floats:
        """Points scaled by another preparation in this one's scale: the same places."""
        points = with_logs(before.in_units(scaled), self.logs)
        return self._turned(self._to_scale(points))

    def stored(self) -> StoredPreparation:
        """The preparation for a message."""
        return StoredPreparation(
            impute=to_bytes(self.impute),
            offset=to_bytes(self.offset),
            scale=to_bytes(self.scale),
            logs=self.logs,
            regression=None if self.regression is None else self.regression.stored(),
            components=None if self.components is None else self.components.stored(),
        )

    @classmethod
    def restored(cls, stored: StoredPreparation, d: int) -> Preparation:
        """The preparation of d dimensions that `stored` gave.

        Raises:
            JobError: the arrays have another number of dimensions.
        """
        regression, components = stored.regression, stored.components
        return cls(
            impute=floats(stored.impute, d),
            offset=floats(stored.offset, d),
            scale=floats(stored.scale, d),
            logs=stored.logs,
            regression=None if regression is None else Regression.restored(regression, d),
            components=None if components is None else Components.restored(components, d),
        )

    @cached_property
    def _divisor(self) -> Floats:
        # Dividing by infinity gives the 0 of a constant dimension without a second pass.
        return np.where(self.scale > 0, self.scale, np.inf)

    def _to_scale(self, points: Floats) -> Floats:
        scaled: Floats = points - self.offset
        with np.errstate(over="ignore"):
            scaled /= self._divisor
        return np.clip(scaled, -LARGEST, LARGEST, out=scaled)

    def _turned(self, scaled: Floats) -> Floats:
        if self.components is None:
            return scaled
        return np.clip(self.components.along(scaled), -LARGEST, LARGEST)


def with_logs(points: Floats, logs: Sequence[int]) -> Floats:
    """The points, with logarithms in the dimensions of these numbers."""
    if not logs:
        return points
    points = points.copy()
    for at in logs:
        points[:, at] = logged(points[:, at])
    return points
