"""Funnels: how far a user came through steps in their order, within a length of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.features.choice import Choice
from operators.features.windows import NEVER, Update
from operators.frame import Floats, Moments
from operators.pages.layout import Field, Rows
from operators.pages.table import UserTable

_NOT_YET: Final = -(1 << 62)  # before all times, and far enough from the edge to count with


@dataclass(frozen=True)
class Funnel:
    """The most steps that a user took, in the order of arrival, within the last `within_us`.

    State: for each number of steps, when the newest way through so many of them began. The
    newest beginning is the best one: it is within the time for longest, and expires last.
    """

    name: str
    steps: Sequence[Choice]
    within_us: int

    def field(self) -> Field:
        return Field(self.name, "i8", len(self.steps), initial=_NOT_YET)

    def add(self, table: UserTable, update: Update) -> None:
        """Carry the users' ways on over the events of a batch."""
        arrivals = update.arrivals
        if not len(arrivals):
            return
        cells = table.cells(self.name)
        began_us = arrivals.time_us
        for step, choice in enumerate(self.steps):
            took = choice.among(arrivals, table.dictionary)
            took &= arrivals.time_us - began_us <= self.within_us
            before_us = cells.take_one(arrivals.touched, step)
            newest_us = arrivals.running_max(np.where(took, began_us, _NOT_YET), before_us)
            cells.put_one(arrivals.touched, newest_us[arrivals.last], step)
            began_us = arrivals.previous(newest_us, before_us)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments]:
        """How many steps each user has taken at a moment, and when time alone changes that."""
        began_us = table.cells(self.name).take(rows)
        open_ = now_us[:, None] - began_us <= self.within_us
        steps = np.where(open_, np.arange(1, len(self.steps) + 1), 0).max(axis=1)
        at = np.maximum(steps - 1, 0)[:, None]
        over_us = np.take_along_axis(began_us, at, axis=1)[:, 0] + self.within_us + 1
        return steps.astype(np.float64), np.where(steps > 0, over_us, NEVER)
