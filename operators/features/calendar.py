"""Windows of the calendar, in a zone: today, yesterday, this week, this month, last month.

They are made of periods: local days, ISO weeks (Monday comes first) or months, which are counted
from 1970 on. A window is the period that it is, or the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments
from operators.features.tiling import Tiling
from operators.features.zones import DAY_US, days_begin_us, local_days

_WEEK: Final = 7
_FIRST_MONDAY: Final = 4  # 1970 began on a Thursday, which was day 0


def _weeks(days: Ints) -> Ints:
    weeks: Ints = (days - _FIRST_MONDAY) // _WEEK
    return weeks


def _mondays(weeks: Ints) -> Ints:
    return weeks * _WEEK + _FIRST_MONDAY


def _months(days: Ints) -> Ints:
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def _firsts(months: Ints) -> Ints:
    days: Ints = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


@dataclass(frozen=True)
class Period:
    """A part of the calendar: which one a day is in, and which is the first day of one.

    None is longer than `longest` days.
    """

    of_days: Callable[[Ints], Ints]
    first_days: Callable[[Ints], Ints]
    longest: int


_DAY: Final = Period(lambda days: days, lambda days: days, 1)
_ISO_WEEK: Final = Period(_weeks, _mondays, _WEEK)
_MONTH: Final = Period(_months, _firsts, 31)

# What a window is made of, and how many periods it lies back.
_WINDOWS: Final = {
    "today": (_DAY, 0),
    "yesterday": (_DAY, 1),
    "this_week": (_ISO_WEEK, 0),
    "this_month": (_MONTH, 0),
    "last_month": (_MONTH, 1),
}
CALENDAR: Final = tuple(_WINDOWS)
GOING_ON: Final = tuple(word for word, (_, back) in _WINDOWS.items() if back == 0)


@dataclass(frozen=True)
class Calendar:
    """A window of the calendar, one of `CALENDAR`, in a zone of the tz database."""

    word: str
    zone: str

    @property
    def back(self) -> int:
        """How many periods the window lies back: 0 or 1."""
        return _WINDOWS[self.word][1]

    @property
    def most_days(self) -> int:
        """How many days there are at most from the first of the window up to today."""
        return self._period.longest * (self.back + 1)

    @property
    def covered(self) -> Tiling:
        """A window of whole days of UTC that surely has all of this one in it."""
        return covering(self.most_days)

    def tiles_of(self, times_us: Moments) -> Ints:
        """The period that each moment lies in."""
        return self.of_days(local_days(times_us, self.zone))

    def of_days(self, days: Ints) -> Ints:
        """The period that each local day lies in."""
        return self._period.of_days(days)

    def first_days(self, periods: Ints) -> Ints:
        """The first local day of each of these periods."""
        return self._period.first_days(periods)

    def begins_us(self, periods: Ints) -> Moments:
        """When these periods begin."""
        return days_begin_us(self.first_days(periods), self.zone)

    def is_past(self, times_us: Moments, newest_us: Moments) -> Mask:
        """Whether moments are older than the window at the newest ones, arrays that broadcast."""
        past: Mask = self.tiles_of(times_us) < self.tiles_of(newest_us) - self.back
        return past

    def ends_us(self, times_us: Moments) -> Moments:
        """When these moments drop out of the window."""
        return self.begins_us(self.tiles_of(times_us) + self.back + 1)

    def __str__(self) -> str:
        return f"{self.word} in {self.zone}"

    @property
    def _period(self) -> Period:
        return _WINDOWS[self.word][0]


def covering(days: int) -> Tiling:
    """A window of whole days of UTC that has the last so many local days in it, in any zone.

    One more for the hour in which clocks are set back, and one since a tile has only begun.
    """
    return Tiling(DAY_US, days + 2)
