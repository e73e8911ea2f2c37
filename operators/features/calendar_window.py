"""Windows of the calendar: the period that it is, or the one before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Moments, Rows
from operators.features.calendar import Calendar
from operators.features.tile_window import TileRing
from operators.features.watch import ANY, ValueWatch
from operators.features.windows import Fold
from operators.pages.table import UserTable


class CalendarWindow(TileRing):
    """One tile of a ring of periods: the newest, or the one before it, which was it until then."""

    def __init__(self, name: str, calendar: Calendar, dtype: str, columns: int, fold: Fold) -> None:
        super().__init__(name, calendar.tiles_of, calendar.back + 1, dtype, columns, fold)
        self._calendar = calendar

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        rings, newest = self._rings(table, rows), self._newest(table, rows)
        current = np.maximum(self._tiles_of(now_us), newest)
        values = self._said(rings, newest, current)
        change_us = np.full(len(rows), NEVER)
        # From the last to the next, so that the next stands where several bring a change.
        for later in range(self._tiles, 0, -1):
            then = self._said(rings, newest, current + later)
            differs = np.zeros(len(rows), np.bool_)
            for value, other, watch in zip(
                values, then, watches or [ANY] * self.columns, strict=True
            ):
                if watch is not None:
                    differs |= watch.tells_apart(value, other)
            at = np.flatnonzero(differs)
            change_us[at] = self._calendar.begins_us(current[at] + later)
        return self._fold.values(values), change_us

    def _said(self, rings: Floats, newest: Ints, current: Ints) -> Floats:
        """What the features come to in a period, float64[columns, rows]."""
        wanted = current - self._calendar.back
        held = wanted > newest - self._tiles
        held &= wanted <= newest
        cells = rings[np.arange(len(rings)), :, wanted % self._tiles].T
        return np.where(held, cells, self._fold.empty).astype(np.float64)
