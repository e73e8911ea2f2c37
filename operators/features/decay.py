"""What counts less and less: amounts that halve, again and again, in the same time.

Time goes in steps of a 32nd of the half-life, as it goes in tiles elsewhere; steps begin at
multiples of their length since 1970. An amount is whole in the step of its event, and each
step takes 2.1 % off. Below a thousandth nothing counts, so that everything comes to an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.durations import US_PER_UNIT
from operators.features.watch import ANY, ValueWatch
from operators.features.windows import NOT_COUNTED, BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable

STEPS: Final = 32  # of a half-life
SMALLEST: Final = 0.001  # what an amount must be to count
SHORTEST_HALF_LIFE_US: Final = US_PER_UNIT["s"]  # a step is a whole number of microseconds


class DecayWindow:
    """One cell a feature: its amounts as they have decayed by the user's newest event.

    All amounts decay alike, so their sum does: an event that comes late adds what is left of
    it by then. The epoch of an event is its step.
    """

    def __init__(self, name: str, half_life_us: int, columns: int) -> None:
        self.columns = columns
        self._name = name
        self._step_us = half_life_us // STEPS

    def field(self) -> Field:
        return Field(self._name, "f8", self.columns)

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        passed = update.newest_us // self._step_us - update.before_us // self._step_us
        moved = np.flatnonzero((passed > 0) & (update.before_us >= 0))
        rows = update.arrivals.touched[moved]
        cells = table.cells(self._name)
        cells.put(rows, cells.take(rows) * _left(passed[moved])[:, None])

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        return update.arrivals.time_us // self._step_us

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        alive: Mask = epochs != NOT_COUNTED
        return alive

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        newest = table.cells("newest_us").take_one(rows) // self._step_us
        cells = table.cells(self._name)
        cells.fold(np.add, rows, amounts * _left(newest - epochs), column)

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        newest = table.cells("newest_us").take_one(rows) // self._step_us
        step = np.maximum(now_us // self._step_us, newest)
        values = table.cells(self._name).take(rows).T * _left(step - newest)
        values[np.abs(values) < SMALLEST] = 0
        steps = np.full(len(rows), np.inf)
        for value, watch in zip(values, watches or [ANY] * self.columns, strict=True):
            if watch is not None:
                np.minimum(steps, _steps(value, watch), out=steps)
        ends = np.isfinite(steps)
        steps[~ends] = 0
        change_us = (step + steps.astype(np.int64)) * self._step_us
        return values, np.where(ends, change_us, NEVER)


def _steps(values: Floats, watch: ValueWatch) -> Floats:
    """How many steps each value takes at least to what rules can tell from it; inf for ever.

    From v an amount comes to e in 32 log2(v / e) steps. It is at the first whole one after, so at
    the last before it there is another look: it is the next step then.
    """
    if watch.edges is None or not len(watch.edges):
        return np.where((values != 0) & (watch.edges is None), 1.0, np.inf)
    # Below the smallest amount that counts all are 0.
    sizes = np.unique(np.maximum(np.abs(watch.edges), SMALLEST))
    at = np.searchsorted(sizes, np.abs(values), side="right") - 1
    towards = np.where(at >= 0, sizes[np.maximum(at, 0)], np.inf)
    with np.errstate(divide="ignore"):
        steps = np.floor(STEPS * np.log2(np.abs(values) / towards))
    return np.where((values != 0) & (at >= 0), np.maximum(steps, 1.0), np.inf)


def _left(steps: Ints) -> Floats:
    """What is left of 1 after so many steps."""
    left: Floats = np.exp2(-steps / STEPS)
    return left
