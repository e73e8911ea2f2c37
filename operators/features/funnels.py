"""Funnels: how far a user came through steps in their order, how fast, within a length of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.choice import Choice
from operators.features.windows import Update
from operators.pages.layout import Field
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

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", len(self.steps), initial=_NOT_YET),)

    def add(self, table: UserTable, update: Update) -> None:
        for _ in self.carry_on(table, update.arrivals):
            pass

    def carry_on(self, table: UserTable, arrivals: Arrivals) -> Iterator[tuple[Moments, Moments]]:
        """Carry the users' ways on over the events of a batch, step by step.

        Gives for each step when the newest way through it began: as of each event, int64[n],
        and before the batch by group.
        """
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
            yield newest_us, before_us
            began_us = arrivals.previous(newest_us, before_us)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """How many steps each user has taken; in time the newest way is over."""
        began_us = table.cells(self.name).take(rows)
        open_ = now_us[:, None] - began_us <= self.within_us
        steps = np.where(open_, np.arange(1, len(self.steps) + 1), 0).max(axis=1)
        over_us = _at_last(began_us, steps) + self.within_us + 1
        return steps.astype(np.float64), np.where(steps > 0, over_us, NEVER)


@dataclass(frozen=True)
class FunnelTime:
    """The time from the first to the furthest step of the way that is newest there.

    Not known before a second step is taken. State: that of the funnel, and for each number of
    steps when the last of them was taken, at the first chance.
    """

    funnel: Funnel
    unit_us: int

    def fields(self) -> tuple[Field, ...]:
        reached = Field(self._reached, "i8", len(self.funnel.steps), initial=_NOT_YET)
        return *self.funnel.fields(), reached

    def add(self, table: UserTable, update: Update) -> None:
        arrivals = update.arrivals
        reached = table.cells(self._reached)
        ways = self.funnel.carry_on(table, arrivals)
        for step, (newest_us, before_us) in enumerate(ways):
            newer = newest_us > arrivals.previous(newest_us, before_us)
            at = np.maximum.reduceat(np.where(newer, np.arange(len(arrivals)), -1), arrivals.starts)
            moved = at >= 0
            reached.put_one(arrivals.touched[moved], arrivals.time_us[at[moved]], step)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        taken, change_us = self.funnel.look(table, rows, now_us)
        steps = taken.astype(np.int64)
        began_us = _at_last(table.cells(self.funnel.name).take(rows), steps)
        reached_us = _at_last(table.cells(self._reached).take(rows), steps)
        took_us = np.maximum(reached_us - began_us, 0)  # below 0 if they came out of order
        return np.where(steps > 1, took_us / self.unit_us, np.nan), change_us

    @property
    def _reached(self) -> str:
        return f"{self.funnel.name}.reached_us"


def _at_last(by_step: Moments, steps: Ints) -> Moments:
    """The number that belongs to the last of the steps taken, of those of the first if none is."""
    at = np.maximum(steps - 1, 0)[:, None]
    found: Moments = np.take_along_axis(by_step, at, axis=1)[:, 0]
    return found
