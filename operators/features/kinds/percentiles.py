"""`median`, `percentile`: the middle of a property's values, or any other point in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.base.errors import Problem
from operators.features.calendar import Calendar
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import number
from operators.features.kinds.window_options import TILE, UP_TO_NOW_BEYOND_SESSIONS, ZONE
from operators.features.tiling import Tiling
from operators.features.windows import BatchUpdate, counting
from operators.pages.layout import Field
from operators.pages.table import UserTable

MOST_VALUES: Final = 64  # values of a user that are kept: a kilobyte with their times
_NO_TIME: Final = -1


@dataclass(frozen=True)
class Percentile:
    """The value below which a share of a user's newest `MOST_VALUES` values in a window lie.

    Between two values it lies as far as the share says. Without limits all time is one window.

    State: the newest values and the times of their events, in the order of these.
    """

    name: str
    events: EventFilter
    reads: str
    share: float
    limits: Tiling | Calendar | None

    def fields(self) -> tuple[Field, ...]:
        times = Field(self._times, "i8", MOST_VALUES, initial=_NO_TIME)
        return Field(self.name, "f8", MOST_VALUES, initial=np.nan), times

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        values = arrivals.numbers[self.reads]
        chosen = np.flatnonzero(self.events.among(arrivals, table.dictionary) & ~np.isnan(values))
        if not len(chosen):
            return
        touched = np.unique(arrivals.rows[chosen])
        kept, times = table.cells(self.name), table.cells(self._times)
        # What was kept comes first, so that of equal times the last to arrive count as newest.
        rows = np.append(np.repeat(touched, MOST_VALUES), arrivals.rows[chosen])
        all_values = np.append(kept.take(touched), values[chosen])
        times_us = np.append(times.take(touched), arrivals.time_us[chosen])
        order = np.lexsort((times_us, rows))
        ends = np.searchsorted(rows[order], touched, side="right")
        newest = order[ends[:, None] - np.arange(MOST_VALUES, 0, -1)]
        kept.put(touched, all_values[newest])
        times.put(touched, times_us[newest])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        times_us = table.cells(self._times).take(rows)
        counts, change_us = times_us != _NO_TIME, None
        if self.limits is not None:
            counts, change_us = counting(table, self.limits, rows, times_us, now_us)
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


_ALL: Final = 100  # per cent


@dataclass(frozen=True)
class Percentage(Option[float]):
    """From 0 to 100."""

    type: Any = float

    def problems_of_value(self, path: str, value: float, feature: Definition) -> Iterator[Problem]:
        if not 0 <= value <= _ALL:
            yield Problem(path, f"expected a percentage from 0 to 100, found {value:g}")


AT: Final = Percentage(
    "at", missing="expected the percentage of values below, such as 90", shown=True
)


def _at_share(feature: Compilation, share: float) -> Compiled:
    read = feature.property_name
    return feature.alone(Percentile(feature.state, feature.events, read, share, feature.limits))


def _median(feature: Compilation) -> Compiled:
    return _at_share(feature, 0.5)


def _percentile(feature: Compilation) -> Compiled:
    return _at_share(feature, (feature.get(AT) or 0) / _ALL)


_OPTIONS: Final = (OF, WHERE, UP_TO_NOW_BEYOND_SESSIONS, TILE, ZONE)

KINDS: Final = (
    FeatureKind(PropertyName("median"), takes=_OPTIONS, reads=number, compile=_median),
    FeatureKind(
        PropertyName("percentile"), takes=(AT, *_OPTIONS), reads=number, compile=_percentile
    ),
)
