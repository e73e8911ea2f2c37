"""Features of the newest event of a kind: since when, and with which value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.events.batch import Mask
from operators.features.arrivals import Arrivals
from operators.features.choice import Choice
from operators.features.windows import Update
from operators.frame import Floats
from operators.pages.layout import Field, Rows
from operators.pages.sets import Ints
from operators.pages.table import UserTable

_NOT_YET: Final = -1  # a moment before all events


@dataclass(frozen=True)
class Since:
    """The moment of the newest event of the types; it ages from there."""

    name: str
    types: Choice

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", initial=_NOT_YET),)

    def add(self, table: UserTable, update: Update) -> None:
        counted = self.types.among(update.arrivals, table.dictionary)
        cells = table.cells(self.name)
        rows = update.arrivals.rows[counted]
        np.maximum.at(cells.flat, cells.at(rows), update.arrivals.time_us[counted])

    def values(self, table: UserTable, rows: Rows) -> Floats:
        """The moments in microseconds, float64[rows]; NaN where there was no such event."""
        moments = table.cells(self.name).take_one(rows)
        return np.where(moments == _NOT_YET, np.nan, moments)


@dataclass(frozen=True)
class Last:
    """The value of a property in the newest event that has it; of equal times the last arrived."""

    name: str
    types: Choice
    reads: str
    number: bool

    def fields(self) -> tuple[Field, ...]:
        value = (
            Field(self.name, "f8", initial=np.nan)
            if self.number
            else Field(self.name, "i8", initial=-1, coded=True)
        )
        return value, Field(self._time, "i8", initial=_NOT_YET)

    def add(self, table: UserTable, update: Update) -> None:
        arrivals = update.arrivals
        values, present = self._read(arrivals)
        chosen = np.flatnonzero(self.types.among(arrivals, table.dictionary) & present)
        newest = _newest_of_each(arrivals, chosen)
        rows, time_us = arrivals.rows[newest], arrivals.time_us[newest]
        times = table.cells(self._time)
        later = time_us >= times.take_one(rows)
        times.put_one(rows[later], time_us[later])
        table.cells(self.name).put_one(rows[later], values[newest][later])

    def values(self, table: UserTable, rows: Rows) -> Floats:
        """The numbers or dictionary codes, float64[rows]; NaN where there is none."""
        values = table.cells(self.name).take_one(rows).astype(np.float64)
        return values if self.number else np.where(values < 0, np.nan, values)

    @property
    def _time(self) -> str:
        return f"{self.name}.time_us"

    def _read(self, arrivals: Arrivals) -> tuple[Floats | Ints, Mask]:
        if self.number:
            numbers = arrivals.numbers[self.reads]
            return numbers, ~np.isnan(numbers)
        codes = arrivals.texts[self.reads]
        return codes, codes >= 0


def _newest_of_each(arrivals: Arrivals, chosen: Ints) -> Ints:
    """Of the chosen events the newest of each user, by time and then arrival."""
    order = chosen[np.lexsort((arrivals.time_us[chosen], arrivals.group[chosen]))]
    groups = arrivals.group[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = groups[1:] != groups[:-1]
    newest: Ints = order[last]
    return newest
