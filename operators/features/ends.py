"""Features of the newest or the first event of a kind: since when, and with which value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.events.batch import Mask
from operators.features.arrivals import Arrivals
from operators.features.choice import Choice
from operators.features.windows import NEVER, Update
from operators.frame import Floats, Moments
from operators.pages.layout import Field, Rows
from operators.pages.sets import Ints
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
class Since:
    """The moment of the newest or first event of the types; it ages from there."""

    name: str
    types: Choice
    end: End

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", initial=self.end.never),)

    def add(self, table: UserTable, update: Update) -> None:
        counted = self.types.among(update.arrivals, table.dictionary)
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

    Numbers, or dictionary codes of texts; the default stands for what is not known yet.
    """

    name: str
    types: Choice
    reads: str
    number: bool
    end: End
    default: str | float | None = None

    def fields(self) -> tuple[Field, ...]:
        value = (
            Field(self.name, "f8", initial=np.nan)
            if self.number
            else Field(self.name, "i8", initial=-1, coded=True)
        )
        return value, Field(self._time, "i8", initial=self.end.never)

    def add(self, table: UserTable, update: Update) -> None:
        arrivals = update.arrivals
        values, present = self._read(arrivals)
        chosen = np.flatnonzero(self.types.among(arrivals, table.dictionary) & present)
        at = _one_of_each(arrivals, chosen, self.end)
        rows, time_us = arrivals.rows[at], arrivals.time_us[at]
        times = table.cells(self._time)
        better = self.end.beats(time_us, times.take_one(rows))
        times.put_one(rows[better], time_us[better])
        table.cells(self.name).put_one(rows[better], values[at][better])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        values = table.cells(self.name).take_one(rows).astype(np.float64)
        missing = np.isnan(values) if self.number else values < 0
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

    def _read(self, arrivals: Arrivals) -> tuple[Floats | Ints, Mask]:
        if self.number:
            numbers = arrivals.numbers[self.reads]
            return numbers, ~np.isnan(numbers)
        codes = arrivals.texts[self.reads]
        return codes, codes >= 0


def _one_of_each(arrivals: Arrivals, chosen: Ints, end: End) -> Ints:
    """Of the chosen events that at the end of each user's, by time and then arrival."""
    order = chosen[np.lexsort((arrivals.time_us[chosen], arrivals.group[chosen]))]
    groups = arrivals.group[order]
    differs = groups[1:] != groups[:-1]
    last = np.append(differs, True) if end is NEWEST else np.append(True, differs)
    at: Ints = order[last[: len(order)]]
    return at
