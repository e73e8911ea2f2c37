"""A user's newest events, one by one: their times, and values of a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.pages.layout import Field
from operators.pages.table import UserTable

NO_TIME: Final = -1


@dataclass(frozen=True)
class NewestEvents:
    """The newest `most` events of each user by their times, of equal ones the last to arrive.

    State: these times in order, `NO_TIME` where there are fewer, and where they are `valued`, the
    values of these events, NaN where there is none.
    """

    name: str
    most: int
    valued: bool

    def fields(self) -> tuple[Field, ...]:
        """What holds them."""
        times = Field(self._times, "i8", self.most, initial=NO_TIME)
        if not self.valued:
            return (times,)
        return Field(self.name, "f8", self.most, initial=np.nan), times

    def add(self, table: UserTable, rows: Rows, times_us: Moments, values: Floats | None) -> None:
        """Add events, sorted by row, each row's in arrival order; `values` if they are valued."""
        if not len(rows):
            return
        touched = np.unique(rows)
        # What was kept comes first, so that of equal times the last to arrive count as newest.
        all_us = np.append(table.cells(self._times).take(touched), times_us)
        owners = np.append(np.repeat(touched, self.most), rows)
        order = np.lexsort((all_us, owners))
        ends = np.searchsorted(owners[order], touched, side="right")
        newest = order[ends[:, None] - np.arange(self.most, 0, -1)]
        table.cells(self._times).put(touched, all_us[newest])
        if values is not None:
            kept = table.cells(self.name)
            kept.put(touched, np.append(kept.take(touched), values)[newest])

    def times_us(self, table: UserTable, rows: Rows) -> Moments:
        """The times, int64[rows, most]."""
        times_us: Moments = table.cells(self._times).take(rows)
        return times_us

    def values(self, table: UserTable, rows: Rows) -> Floats:
        """The values, float64[rows, most]."""
        values: Floats = table.cells(self.name).take(rows)
        return values

    @property
    def _times(self) -> str:
        return f"{self.name}.time_us"
