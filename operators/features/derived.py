"""Features that are made of others, their parts, at the moment at which they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from operators.base.arrays import Floats, Moments


class Derived(Protocol):
    """A feature that is made of parts, each with its own name and state."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts."""

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The values by those of the parts, float64[parts, n], and when time alone changes more.

        When the parts change is theirs to tell; None where that is all.
        """


@dataclass(frozen=True)
class Ratio:
    """One part by another; not known where that is 0."""

    parts: tuple[str, str]

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        above, below = parts
        return above / np.where(below, below, np.nan), None
