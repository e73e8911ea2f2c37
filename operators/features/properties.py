"""What features read of events: a property, which is a number or a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from operators.base.arrays import Floats, Ints, Mask
from operators.features.arrivals import Arrivals
from operators.pages.layout import Field


@dataclass(frozen=True)
class Property:
    """A property of events: numbers, or dictionary codes of texts."""

    name: str
    number: bool

    def values(self, arrivals: Arrivals) -> tuple[Floats | Ints, Mask]:
        """The value of each event, [n], and whether it has one, bool[n]."""
        if self.number:
            numbers = arrivals.numbers[self.name]
            return numbers, ~np.isnan(numbers)
        codes = arrivals.texts[self.name]
        return codes, codes >= 0

    def told(self, arrivals: Arrivals) -> tuple[Floats | Ints, Mask]:
        """The same, where an event that takes the property back tells that there is no value."""
        values, present = self.values(arrivals)
        taken_back = arrivals.taken_back.get(self.name)
        return values, present if taken_back is None else present | taken_back

    def missing(self, values: Floats | Ints) -> Mask:
        """Which of its values are none, bool[n]."""
        return np.isnan(values) if self.number else values < 0

    def field(self, name: str) -> Field:
        """What holds one value of it; none at first."""
        if self.number:
            return Field(name, "f8", initial=np.nan)
        return Field(name, "i8", initial=-1, coded=True)
