"""Features that are made of others, their parts, at the moment at which they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from operators.base.arrays import NEVER, Floats, Moments
from operators.features.spec import FeatureSpec

_PARTS: Final = {
    "mean": ("sum", "count"),
    "distinct": ("kept", "level"),
    "rate": ("recent", "usual", "first"),
    "per_session": ("events", "sessions"),
}


def part_names(name: str, spec: FeatureSpec) -> tuple[str, ...]:
    """The names of the parts of a feature that is made of several; none of another."""
    return tuple(f"{name}.{part}" for part in _PARTS.get(spec.kind, ()))


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


@dataclass(frozen=True)
class Sampled:
    """A count of values of which one in 2**level was kept."""

    parts: tuple[str, str]

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        kept, level = parts
        return np.ldexp(kept, level.astype(np.int64)), None


@dataclass(frozen=True)
class Rate:
    """How many times as often as usual: events a time in a window by those in a baseline.

    The parts are the counts of both, and the moment of the first event. Not known before that
    lies a whole baseline back, nor where the baseline is empty.
    """

    parts: tuple[str, str, str]
    window_us: int
    baseline_us: int

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        recent, usual, first_us = parts
        known_us = first_us + self.baseline_us  # NaN where there was no event
        known = (now_us >= known_us) & (usual > 0)
        rates = recent / np.where(known, usual, np.nan) * (self.baseline_us / self.window_us)
        waiting = now_us < known_us
        change_us = np.full(len(now_us), NEVER)
        change_us[waiting] = known_us[waiting].astype(np.int64)
        return rates, change_us


def derived(name: str, spec: FeatureSpec) -> Derived | None:
    """How a feature is made of its parts, if it is."""
    names = part_names(name, spec)
    if not names:
        return None
    if spec.kind == "rate":
        recent, usual, first = names
        lengths_us = (tiling.window_us for tiling in spec.tilings())
        return Rate((recent, usual, first), *lengths_us)
    one, other = names
    return Sampled((one, other)) if spec.kind == "distinct" else Ratio((one, other))
