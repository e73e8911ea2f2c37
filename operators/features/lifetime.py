"""How long users are remembered after their newest event, and whose time is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import Mask, Moments, Rows
from operators.base.durations import format_duration
from operators.features.arrivals import Arrivals

_STEPS: Final = 100  # of a lifetime: many are forgotten together, and none much too late


@dataclass(frozen=True)
class Lifetime:
    """Users are forgotten `after_us` their newest event, at the next multiple of `step_us`.

    An event at or after that moment begins a new life, whatever comes first, it or the moment.
    """

    after_us: int
    step_us: int

    @classmethod
    def of(cls, after_us: int, resolution_us: int) -> Lifetime:
        """A lifetime whose steps are multiples of a clock's resolution."""
        step_us = max(after_us // _STEPS, resolution_us)
        return cls(after_us, -(-step_us // resolution_us) * resolution_us)

    def over_us(self, newest_us: Any) -> Any:
        """When users are forgotten whose newest events were at these times; numbers or arrays."""
        return -(-(newest_us + self.after_us) // self.step_us) * self.step_us

    def over_before(self, arrivals: Arrivals, before_us: Moments, now_us: int) -> Mask:
        """Which events come after the end of their user's life, bool[n].

        `before_us` is each user's newest event before the batch, by group, -1 for none; lives
        end until `now_us`.
        """
        newest_us = arrivals.newest_us(before_us)
        previous_us = arrivals.previous(newest_us, before_us)
        until_us = np.minimum(arrivals.time_us, now_us)
        anew = (previous_us >= 0) & (self.over_us(previous_us) <= until_us)
        so_far = np.cumsum(anew)
        behind: Mask = so_far > (so_far - anew)[arrivals.starts][arrivals.group]
        return behind

    def __str__(self) -> str:
        return f"forgotten after {format_duration(self.after_us)} without events"


@dataclass(frozen=True)
class Forgotten:
    """Some users, each once, who are forgotten at a moment each, and why."""

    rows: Rows
    at_us: Moments
    why: str

    def __len__(self) -> int:
        return len(self.rows)


NONE_FORGOTTEN: Final = Forgotten(np.zeros(0, np.int64), np.zeros(0, np.int64), "")
