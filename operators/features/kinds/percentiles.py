"""`median`, `percentile`: the middle of a property's values, or any other point in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.base.errors import Problem
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import number
from operators.features.kinds.window_options import (
    SHOWN_EXACT,
    TILE,
    UP_TO_NOW_BEYOND_SESSIONS,
    ZONE,
)
from operators.features.newest import NO_TIME, NewestEvents
from operators.features.windows import BatchUpdate, Limits, counting
from operators.pages.layout import Field
from operators.pages.table import UserTable

MOST_VALUES: Final = 64  # values of a user that are kept: a kilobyte with their times


@dataclass(frozen=True)
class Percentile:
    """The value below which a share of a user's newest `MOST_VALUES` values in a window lie.

    Between two values it lies as far as the share says. Without limits all time is one window.

    State: the newest values and the times of their events.
    """

    kept: NewestEvents
    events: EventFilter
    reads: str
    share: float
    limits: Limits | None

    def fields(self) -> tuple[Field, ...]:
        return self.kept.fields()

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        values = arrivals.numbers[self.reads]
        chosen = self.events.among(arrivals, table.dictionary) & ~np.isnan(values)
        self.kept.add(table, arrivals.rows[chosen], arrivals.time_us[chosen], values[chosen])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        times_us = self.kept.times_us(table, rows)
        counts, change_us = times_us != NO_TIME, None
        if self.limits is not None:
            counts, change_us = counting(table, self.limits, rows, times_us, now_us)
        values = np.where(counts, self.kept.values(table, rows), np.inf)
        return _point(np.sort(values, axis=1), counts.sum(axis=1), self.share), change_us


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
    kept = NewestEvents(feature.state, MOST_VALUES, valued=True)
    return feature.alone(Percentile(kept, feature.events, read, share, feature.limits))


def _median(feature: Compilation) -> Compiled:
    return _at_share(feature, 0.5)


def _percentile(feature: Compilation) -> Compiled:
    return _at_share(feature, (feature.get(AT) or 0) / _ALL)


_OPTIONS: Final = (OF, WHERE, UP_TO_NOW_BEYOND_SESSIONS, TILE, ZONE, SHOWN_EXACT)

KINDS: Final = (
    FeatureKind(PropertyName("median"), takes=_OPTIONS, reads=number, compile=_median),
    FeatureKind(
        PropertyName("percentile"), takes=(AT, *_OPTIONS), reads=number, compile=_percentile
    ),
)
