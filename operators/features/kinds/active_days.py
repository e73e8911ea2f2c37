"""`active_days`: on how many local days of a window there was an event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Moments, Rows
from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.calendar import CALENDAR, Calendar, covering
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import WHERE, EventTypes, Zone
from operators.features.kinds.window_options import UTC, WindowLength, calendar
from operators.features.tiling import Tiling
from operators.features.windows import BatchUpdate
from operators.features.zones import DAY_US, days_begin_us, local_days
from operators.pages.layout import Field
from operators.pages.table import UserTable

_MOST_DAYS: Final = 400  # each takes four bytes of a user's row
_NONE: Final = -1  # no day


@dataclass(frozen=True)
class RollingDays:
    """Today and the days before it, so many in all."""

    count: int
    zone: str

    def first_days(self, today: Ints) -> Ints:
        """The first day that counts."""
        return today - self.count + 1

    def last_days(self, today: Ints) -> Ints:
        """The last day that counts."""
        return today

    def change_us(self, today: Ints, oldest: Ints) -> Moments:
        """When the first of the days that count drops out."""
        return days_begin_us(oldest + self.count, self.zone)


@dataclass(frozen=True)
class CalendarDays:
    """The days of a window of the calendar."""

    calendar: Calendar

    def first_days(self, today: Ints) -> Ints:
        """The first day that counts."""
        return self._period_days(today, -self.calendar.back)

    def last_days(self, today: Ints) -> Ints:
        """The last day that counts."""
        return self._period_days(today, 1 - self.calendar.back) - 1

    def change_us(self, today: Ints, oldest: Ints) -> Moments:
        """When the next window begins."""
        return self.calendar.begins_us(self.calendar.of_days(today) + 1)

    def _period_days(self, today: Ints, later: int) -> Ints:
        return self.calendar.first_days(self.calendar.of_days(today) + later)


@dataclass(frozen=True)
class ActiveDays:
    """The days of `span` in which there was an event, in a zone; `most` are kept, up to today.

    State: the newest local day of each of so many cells; day d is in that of d modulo their number.
    """

    name: str
    events: EventFilter
    zone: str
    span: RollingDays | CalendarDays
    most: int

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i4", self.most, initial=_NONE),)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        chosen = self.events.among(arrivals, table.dictionary)
        days = local_days(arrivals.time_us[chosen], self.zone)
        table.cells(self.name).fold(np.maximum, arrivals.rows[chosen], days, days % self.most)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        newest_us = np.maximum(now_us, table.cells("newest_us").take_one(rows))
        today = local_days(newest_us, self.zone)
        kept = table.cells(self.name).take(rows).astype(np.int64)
        first, last = self.span.first_days(today)[:, None], self.span.last_days(today)[:, None]
        coming = (kept >= first) & (kept != _NONE)
        oldest = np.where(coming, kept, today[:, None]).min(axis=1)
        change_us = np.where(coming.any(axis=1), self.span.change_us(today, oldest), NEVER)
        return (coming & (kept <= last)).sum(axis=1).astype(np.float64), change_us


@dataclass(frozen=True)
class DaysLength(WindowLength):
    """A window of the calendar, or of so many whole days."""

    words: tuple[str, ...] = ()
    tile: str | None = "1d"

    def problems_of_duration(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        try:
            days, rest = divmod(parse_duration_us(value), DAY_US)
        except UsageError as error:
            yield Problem(path, f"{error}, or {' or '.join(CALENDAR)}")
            return
        if rest or not 1 <= days <= _MOST_DAYS:
            yield Problem(path, f"expected 1 to {_MOST_DAYS} whole days, found '{value}'")


DAYS: Final = DaysLength("window")
ZONE: Final = Zone("zone")


def _days(feature: Definition) -> int:
    return parse_duration_us(feature.get(DAYS) or "") // DAY_US


def _tilings(feature: Definition) -> Iterator[Tiling]:
    of_calendar = calendar(feature)
    yield covering(_days(feature)) if of_calendar is None else of_calendar.covered


def _active_days(feature: Compilation) -> Compiled:
    zone, of_calendar = feature.get(ZONE) or UTC, calendar(feature.definition)
    if of_calendar is not None:
        span: RollingDays | CalendarDays = CalendarDays(of_calendar)
        most = of_calendar.most_days
    else:
        most = _days(feature.definition)
        span = RollingDays(most, zone)
    return feature.alone(ActiveDays(feature.state, feature.events, zone, span, most))


KINDS: Final = (
    FeatureKind(
        EventTypes("active_days"),
        takes=(WHERE, DAYS, ZONE),
        tilings=_tilings,
        compile=_active_days,
        empty=zero,
        counts=True,
    ),
)
