"""How a raw point becomes one that distances can be taken of: imputed, then scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.frame import Floats

# A coordinate beyond this counts as missing, as infinities do: its square, summed over any
# number of dimensions, must still be a finite float64.
LARGEST: Final = 1e100


def usable(points: Floats) -> Floats:
    """The points with NaN for every coordinate that is infinite or beyond `LARGEST`."""
    return np.where(np.abs(points) <= LARGEST, points, np.nan)


@dataclass(frozen=True, eq=False)
class Preparation:
    """What imputes and scales a point, float64[d] each: scaled = (x - offset) / scale.

    `impute` stands in for a missing x. A dimension of scale 0 is constant so far, and 0 for
    every x, as in River's scalers.
    """

    impute: Floats
    offset: Floats
    scale: Floats

    def scaled(self, points: Floats) -> Floats:
        """Raw points float64[n, d], NaN for missing, as finite scaled points float64[n, d]."""
        return self._from_units(np.where(np.abs(points) <= LARGEST, points, self.impute))

    def in_units(self, scaled: Floats) -> Floats:
        """Scaled points float64[n, d] in the features' own units."""
        return scaled * self.scale + self.offset

    def adopt(self, scaled: Floats, before: Preparation) -> Floats:
        """Points scaled by another preparation in this one's scale: the same places."""
        return self._from_units(before.in_units(scaled))

    def scales_like(self, other: Preparation) -> bool:
        """Whether both scale every point to the same place."""
        return np.array_equal(self.offset, other.offset) and np.array_equal(self.scale, other.scale)

    def _from_units(self, points: Floats) -> Floats:
        # Dividing by infinity gives the 0 of a constant dimension without a second pass.
        divisor = np.where(self.scale > 0, self.scale, np.inf)
        with np.errstate(over="ignore"):
            scaled: Floats = np.clip((points - self.offset) / divisor, -LARGEST, LARGEST)
        return scaled
