"""Days, and the periods in which users are taken together; all of UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np

from operators.base.arrays import Ints, Moments

DAY_US: Final = 86_400_000_000
_MONDAY: Final = 3  # days from the Monday before 1970 to its first day, a Thursday


def days(moments_us: Moments) -> Ints:
    """The days of moments, counted from 1970."""
    return moments_us // DAY_US


def date(day: int) -> str:
    """A day, such as 2026-11-27."""
    return str(np.datetime64(day, "D"))


@dataclass(frozen=True)
class Periods:
    """Days, ISO weeks or months, counted from 1970."""

    unit: Literal["day", "week", "month"]

    KEPT: ClassVar[int] = 64  # of a user: the period of entering, and so many less one after it

    def of(self, moments_us: Moments) -> Ints:
        """The periods of moments."""
        day = days(moments_us)
        if self.unit == "day":
            return day
        if self.unit == "week":
            return (day + _MONDAY) // 7
        months: Ints = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return months

    def first_day(self, period: int) -> int:
        """The day on which a period begins."""
        if self.unit == "day":
            return period
        if self.unit == "week":
            return 7 * period - _MONDAY
        return int(np.datetime64(period, "M").astype("datetime64[D]").astype(np.int64))
