"""Features that are made of others, their parts, at the moment at which they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

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
        return ratio(parts), None


def ratio(parts: Floats) -> Floats:
    """The first of two rows by the second, NaN where that is 0."""
    above, below = parts
    quotient: Floats = above / np.where(below, below, np.nan)
    return quotient


OVERFLOW: Final = np.inf  # instead of an exact value: there are more events than are kept


@dataclass(frozen=True)
class Exactly:
    """The first part, or where it is `OVERFLOW` what comes of the others."""

    parts: tuple[str, ...]
    otherwise: Callable[[Floats], Floats]

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        return np.where(parts[0] == OVERFLOW, self.otherwise(parts[1:]), parts[0]), None
