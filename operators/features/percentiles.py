"""The middle of a property's values, or any other point in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.features.choice import Choice
from operators.features.tiling import Tiling
from operators.features.windows import Update, counting
from operators.pages.layout import Field
from operators.pages.table import UserTable

MOST: Final = 64  # values of a user that are kept: a kilobyte with their times
_NO_TIME: Final = -1


@dataclass(frozen=True)
class Percentile:
    """The value below which a share of a user's newest `MOST` values in a window lie.

    Between two values it lies as far as the share says. Without a tiling all time is one window.

    State: the newest values and the times of their events, in the order of these.
    """

    name: str
    types: Choice
    reads: str
    share: float
    tiling: Tiling | None

    def fields(self) -> tuple[Field, ...]:
        times = Field(self._times, "i8", MOST, initial=_NO_TIME)
        return Field(self.name, "f8", MOST, initial=np.nan), times

    def add(self, table: UserTable, update: Update) -> None:
        arrivals = update.arrivals
        values = arrivals.numbers[self.reads]
        chosen = np.flatnonzero(self.types.among(arrivals, table.dictionary) & ~np.isnan(values))
        if not len(chosen):
            return
        touched = np.unique(arrivals.rows[chosen])
        kept, times = table.cells(self.name), table.cells(self._times)
        # What was kept comes first, so that of equal times the last to arrive count as newest.
        rows = np.append(np.repeat(touched, MOST), arrivals.rows[chosen])
        all_values = np.append(kept.take(touched), values[chosen])
        times_us = np.append(times.take(touched), arrivals.time_us[chosen])
        order = np.lexsort((times_us, rows))
        ends = np.searchsorted(rows[order], touched, side="right")
        newest = order[ends[:, None] - np.arange(MOST, 0, -1)]
        kept.put(touched, all_values[newest])
        times.put(touched, times_us[newest])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        times_us = table.cells(self._times).take(rows)
        counts, change_us = times_us != _NO_TIME, None
        if self.tiling is not None:
            counts, change_us = counting(table, self.tiling, rows, times_us, now_us)
        values = np.where(counts, table.cells(self.name).take(rows), np.inf)
        return _point(np.sort(values, axis=1), counts.sum(axis=1), self.share), change_us

    @property
    def _times(self) -> str:
        return f"{self.name}.time_us"


def _point(in_order: Floats, counts: Moments, share: float) -> Floats:
    """The point at a share of the first `counts` values of each row, NaN where there is none."""
    at = np.maximum(counts - 1, 0) * share
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    lower, upper = (np.take_along_axis(in_order, x[:, None], 1)[:, 0] for x in (below, above))
    known = counts > 0
    lower, upper = np.where(known, lower, np.nan), np.where(known, upper, np.nan)
    between: Floats = lower + (upper - lower) * (at - below)
    return between
