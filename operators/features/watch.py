"""Which changes of a number are worth a look: any, or those that can change a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask

_NULL: Final = -1


@dataclass(frozen=True)
class ValueWatch:
    """The numbers with which rules compare a value, float64[n] ascending; None if any may count."""

    edges: Floats | None

    @classmethod
    def of(cls, edges: Iterable[float]) -> ValueWatch:
        """Of values that rules compare with nothing but these."""
        return cls(np.array(sorted(edges), np.float64))

    def tells_apart(self, some: Floats, others: Floats) -> Mask:
        """Whether rules can tell values, of arrays of one shape or that broadcast.

        What is null is infinite: equal to itself, and to nothing that rules compare.
        """
        if self.edges is None:
            differ: Mask = some != others
            return differ
        regions: Mask = _regions(self.edges, some) != _regions(self.edges, others)
        return regions


def _regions(edges: Floats, values: Floats) -> Ints:
    """Even numbers between the edges, odd ones on them."""
    regions = np.searchsorted(edges, values, side="left")
    regions += np.searchsorted(edges, values, side="right")
    return np.where(np.isfinite(values), regions, _NULL)


ANY: Final = ValueWatch(None)
