"""Customers as the models see them: how often they bought again, when last, and for how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.base.arrays import Floats, Mask
from operators.base.errors import UsageError


@dataclass(frozen=True)
class Customers:
    """n customers, who have all bought once at least. float64[n] each.

    `frequency` counts purchases after the first; `recency` is the time from the first to the last,
    `age` that from the first to the end of what is known, both in one unit. `monetary_value` is
    the mean value of purchases after the first, 0 without any.
    """

    names: Sequence[str]
    frequency: Floats
    recency: Floats
    age: Floats
    monetary_value: Floats

    def __len__(self) -> int:
        return len(self.names)

    @property
    def repeating(self) -> Mask:
        """Who has bought again for money: of these Gamma-Gamma is fitted."""
        found: Mask = (self.frequency > 0) & (self.monetary_value > 0)
        return found

    def where(self, chosen: Mask) -> Customers:
        """Some of them."""
        names = [name for name, kept in zip(self.names, chosen.tolist(), strict=True) if kept]
        columns = (self.frequency, self.recency, self.age, self.monetary_value)
        return Customers(names, *(column[chosen] for column in columns))

    def checked(self, where: str) -> Customers:
        """The same, if it can be: `where` they come from is told.

        Raises:
            UsageError: a number is missing, or negative, or they contradict each other.
        """
        columns = {
            "frequency": self.frequency,
            "recency": self.recency,
            "T": self.age,
            "monetary_value": self.monetary_value,
        }
        for name, column in columns.items():
            self._check(where, f"{name} is no number of 0 or more", ~(column >= 0))
            self._check(where, f"{name} is no number of 0 or more", ~np.isfinite(column))
        self._check(where, "recency is larger than T", self.recency > self.age)
        again = self.frequency > 0
        self._check(where, "recency is not 0 without repeat purchases", ~again & (self.recency > 0))
        self._check(where, "recency is 0 with repeat purchases", again & (self.recency == 0))
        self._check(where, "frequency is no whole number", self.frequency % 1 != 0)
        if not np.any(again):
            raise UsageError(
                f"{where}: nobody has bought again, so nothing can be told of whoever will"
            )
        return self

    def _check(self, where: str, problem: str, wrong: Mask) -> None:
        if np.any(wrong):
            first = self.names[int(np.flatnonzero(wrong)[0])]
            more = f", and of {int(wrong.sum()) - 1:,} others" if wrong.sum() > 1 else ""
            raise UsageError(f"{where}: {problem}, of '{first}'{more}")
