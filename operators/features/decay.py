"""What counts less and less: amounts that halve, again and again, in the same time.

Time goes in steps of a 32nd of the half-life, as it goes in tiles elsewhere; steps begin at
multiples of their length since 1970. An amount is whole in the step of its event, and each
step takes 2.1 % off. Below a thousandth nothing counts, so that everything comes to an end.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.durations import US_PER_UNIT
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
        np.add.at(cells.flat, cells.at(rows, column), amounts * _left(newest - epochs))

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        newest = table.cells("newest_us").take_one(rows) // self._step_us
        step = np.maximum(now_us // self._step_us, newest)
        values = table.cells(self._name).take(rows).T * _left(step - newest)
        values[np.abs(values) < SMALLEST] = 0
        return values, np.where(values.any(axis=0), (step + 1) * self._step_us, NEVER)


def _left(steps: Ints) -> Floats:
    """What is left of 1 after so many steps."""
    left: Floats = np.exp2(-steps / STEPS)
    return left
