"""`funnel`, `funnel_time`: how far a user came through steps in their order, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Moments, Rows
from operators.base.durations import parse_duration_us
from operators.base.errors import Problem
from operators.features.arrivals import Arrivals
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import ANY, UNIT, Length, unit_us
from operators.features.windows import BatchUpdate
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
    steps: Sequence[EventFilter]
    within_us: int

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", len(self.steps), initial=_NOT_YET),)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
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
        for step, events in enumerate(self.steps):
            took = events.among(arrivals, table.dictionary)
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

    def add(self, table: UserTable, update: BatchUpdate) -> None:
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


_FEWEST_STEPS: Final = 2
_MOST_STEPS: Final = 20


@dataclass(frozen=True)
class FunnelSteps(Option[list[str]]):
    """Event types in their order; `any` is one of any type."""

    type: Any = list[str]

    def problems_of_value(
        self, path: str, value: list[str], feature: Definition
    ) -> Iterator[Problem]:
        if not _FEWEST_STEPS <= len(value) <= _MOST_STEPS or "" in value:
            expected = f"expected {_FEWEST_STEPS} to {_MOST_STEPS} event types in their order"
            yield Problem(path, f"{expected}, found {len(value)}")

    def event_types(self, value: list[str]) -> Sequence[str]:
        return [name for name in value if name != ANY]


WITHIN: Final = Length("within", missing="expected a duration such as 30m", spans=True)


def _within_us(feature: Definition) -> int:
    return parse_duration_us(feature.get(WITHIN) or "")


def _looks_back(feature: Definition) -> Iterator[tuple[int, Option[Any]]]:
    yield _within_us(feature), WITHIN


def _steps(feature: Compilation) -> Funnel:
    names = feature.definition.value
    steps = tuple(feature.of_types(None if name == ANY else (name,)) for name in names)
    return Funnel(feature.state, steps, _within_us(feature.definition))


def _funnel(feature: Compilation) -> Compiled:
    return feature.alone(_steps(feature))


def _funnel_time(feature: Compilation) -> Compiled:
    return feature.alone(FunnelTime(_steps(feature), unit_us(feature.definition)))


KINDS: Final = (
    FeatureKind(
        FunnelSteps("funnel"), takes=(WITHIN,), looks_back=_looks_back, compile=_funnel, empty=zero
    ),
    FeatureKind(
        FunnelSteps("funnel_time"),
        takes=(WITHIN, UNIT),
        looks_back=_looks_back,
        compile=_funnel_time,
    ),
)
