"""Features of the newest or the first event of a kind: since when, and with which value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.choice import Choice
from operators.features.windows import Update
from operators.pages.layout import Field
from operators.pages.table import UserTable


@dataclass(frozen=True)
class End:
    """Which of a user's events is meant: the newest, or the first ever. `never` is no time yet."""

    never: int
    extreme: np.ufunc

    def beats(self, time_us: Moments, other_us: Moments) -> Mask:
        """Of equal times the newest is the last to arrive, and the first the first."""
        return time_us >= other_us if self is NEWEST else time_us < other_us


NEWEST: Final = End(-1, np.maximum)
FIRST: Final = End(NEVER, np.minimum)


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

    def field(self, name: str) -> Field:
        """What holds one value of it; none at first."""
        if self.number:
            return Field(name, "f8", initial=np.nan)
        return Field(name, "i8", initial=-1, coded=True)


@dataclass(frozen=True)
class Since:
    """The moment of the newest or first event of the types; it ages from there.

    With `has`, only events that have that property count.
    """

    name: str
    types: Choice
    end: End
    has: Property | None = None

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", initial=self.end.never),)

    def add(self, table: UserTable, update: Update) -> None:
        counted = self.types.among(update.arrivals, table.dictionary)
        if self.has is not None:
            counted &= self.has.values(update.arrivals)[1]
        cells = table.cells(self.name)
        rows = update.arrivals.rows[counted]
        self.end.extreme.at(cells.flat, cells.at(rows), update.arrivals.time_us[counted])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The moments in microseconds; whoever compares ages knows how they change."""
        moments = table.cells(self.name).take_one(rows)
        return np.where(moments == self.end.never, np.nan, moments), None


@dataclass(frozen=True)
class EndValue:
    """The value of a property in the newest or first event that has it.

    The default stands for what is not known yet.
    """

    name: str
    types: Choice
    read: Property
    end: End
    default: str | float | None = None

    def fields(self) -> tuple[Field, ...]:
        return self.read.field(self.name), Field(self._time, "i8", initial=self.end.never)

    def add(self, table: UserTable, update: Update) -> None:
        arrivals = update.arrivals
        values, present = self.read.values(arrivals)
        chosen = np.flatnonzero(self.types.among(arrivals, table.dictionary) & present)
        at = _one_of_each(arrivals, chosen, self.end)
        rows, time_us = arrivals.rows[at], arrivals.time_us[at]
        times = table.cells(self._time)
        better = self.end.beats(time_us, times.take_one(rows))
        times.put_one(rows[better], time_us[better])
        table.cells(self.name).put_one(rows[better], values[at][better])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        values = table.cells(self.name).take_one(rows).astype(np.float64)
        missing = np.isnan(values) if self.read.number else values < 0
        return np.where(missing, self._otherwise(table), values), None

    @property
    def _time(self) -> str:
        return f"{self.name}.time_us"

    def _otherwise(self, table: UserTable) -> float:
        if self.default is None:
            return np.nan
        return (
            self.default if isinstance(self.default, float) else table.dictionary.add(self.default)
        )


@dataclass(frozen=True)
class SinceChange:
    """The moment since which a property has had its newest value; it ages from there.

    Events are followed in the order of arrival: one that is older than the newest that has the
    property changes nothing.

    State: the newest value, the time of its newest event, and that of the first one with it.
    """

    name: str
    types: Choice
    read: Property

    def fields(self) -> tuple[Field, ...]:
        return (
            Field(self.name, "i8", initial=NEWEST.never),
            self.read.field(self._value),
            Field(self._time, "i8", initial=NEWEST.never),
        )

    def add(self, table: UserTable, update: Update) -> None:
        values, present = self.read.values(update.arrivals)
        chosen = self.types.among(update.arrivals, table.dictionary) & present
        arrivals, values = update.arrivals.where(chosen), values[chosen]
        times, kept = table.cells(self._time), table.cells(self._value)
        leads = arrivals.newest_us(times.take_one(arrivals.touched)) == arrivals.time_us
        arrivals, values = arrivals.where(leads), values[leads]
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[arrivals.starts] = kept.take_one(arrivals.touched)
        changed = values != before  # also where there was none
        # Of a row that stands here several times, the last assignment stays.
        table.cells(self.name).put_one(arrivals.rows[changed], arrivals.time_us[changed])
        kept.put_one(arrivals.rows, values)
        times.put_one(arrivals.rows, arrivals.time_us)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The moments in microseconds, as of `Since`."""
        moments = table.cells(self.name).take_one(rows)
        return np.where(moments == NEWEST.never, np.nan, moments), None

    @property
    def _value(self) -> str:
        return f"{self.name}.value"

    @property
    def _time(self) -> str:
        return f"{self.name}.time_us"


def _one_of_each(arrivals: Arrivals, chosen: Ints, end: End) -> Ints:
    """Of the chosen events that at the end of each user's, by time and then arrival."""
    order = chosen[np.lexsort((arrivals.time_us[chosen], arrivals.group[chosen]))]
    groups = arrivals.group[order]
    differs = groups[1:] != groups[:-1]
    last = np.append(differs, True) if end is NEWEST else np.append(True, differs)
    at: Ints = order[last[: len(order)]]
    return at
