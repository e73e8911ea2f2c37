"""Customers from their purchases: the days on which they bought, and for how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flink_job.lifetime_value.customers import Customers
from operators.base.arrays import Floats, Ints


@dataclass(frozen=True)
class Purchases:
    """n purchases: who, a position in `names`; the day, counted from 1970; and the value.

    `end` is the last day of which is known whether anybody bought.
    """

    names: Sequence[str]
    who: Ints
    day: Ints
    value: Floats
    end: int

    def customers(self) -> Customers:
        """Whoever has bought, by days: what is bought on one day is one purchase.

        A mean value that is negative, as after refunds, counts as none.
        """
        pairs = np.stack([self.who, self.day], axis=1)
        days, of = np.unique(pairs, axis=0, return_inverse=True)
        value = np.bincount(of.ravel(), self.value, minlength=len(days))
        first = np.flatnonzero(np.diff(days[:, 0], prepend=-1))
        last = np.append(first[1:], len(days)) - 1
        repeats = (last - first).astype(np.float64)
        spent = np.add.reduceat(value, first) - value[first] if len(first) else value
        mean = np.divide(spent, repeats, out=np.zeros(len(first)), where=repeats > 0)
        begun = days[first, 1]
        return Customers(
            [self.names[who] for who in days[first, 0].tolist()],
            repeats,
            (days[last, 1] - begun).astype(np.float64),
            (self.end - begun).astype(np.float64),
            np.maximum(mean, 0),
        )
