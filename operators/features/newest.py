"""A user's newest events, one by one: their times, and values of a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Moments, Rows
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
        touched, starts, counts = np.unique(rows, return_index=True, return_counts=True)
        kept_us = table.cells(self._times).take(touched)
        # What was kept comes first, so that of equal times the last to arrive count as newest.
        all_us = np.append(kept_us, times_us)
        backwards = (times_us[1:] < times_us[:-1]) & (rows[1:] == rows[:-1])
        if np.any(backwards) or np.any(times_us[starts] < kept_us[:, -1]):
            newest = _last_by_time(
                np.append(np.repeat(touched, self.most), rows), all_us, self.most
            )
        else:
            newest = _last_to_arrive(starts, counts, self.most)
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


def _last_by_time(owners: Rows, times_us: Moments, most: int) -> Ints:
    """The positions of each owner's newest, int64[owners, most], in the order of their times."""
    order = np.lexsort((times_us, owners))
    ends = np.searchsorted(owners[order], np.unique(owners), side="right")
    newest: Ints = order[ends[:, None] - np.arange(most, 0, -1)]
    return newest


def _last_to_arrive(starts: Ints, counts: Ints, most: int) -> Ints:
    """The same where all are in the order of time: `most` kept of each owner, then new ones.

    Those of an owner begin at one of `starts` among the new ones, and are one of `counts`.
    """
    place = np.arange(most) + counts[:, None]  # behind each other, first those that were kept
    kept = np.arange(len(starts))[:, None] * most + place
    new = (len(starts) - 1) * most + starts[:, None] + place
    return np.where(place < most, kept, new)
