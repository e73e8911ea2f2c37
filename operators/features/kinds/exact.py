"""`exact: true`: windows whose edge is where it is said to be, for as long as events are few.

A user's newest events are kept one by one, beside the tiles of the window. While all that are in
the window are kept, they are what counts; with more, it is counted in tiles, as without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Mask, Moments, Rows
from operators.features.derived import OVERFLOW, Exactly, ratio
from operators.features.filters import EventFilter
from operators.features.kinds.kind import Compilation, Compiled
from operators.features.kinds.window_options import MOST_EXACT, sliding
from operators.features.newest import NewestEvents
from operators.features.shared_windows import WindowPart
from operators.features.tiling import Sliding
from operators.features.windows import BatchUpdate, counting
from operators.pages.layout import Field
from operators.pages.table import UserTable

# By which events count, bool[rows, most], and their values if there are any: float64[rows].
Reduction = Callable[[Mask, Floats], Floats]


def count(counts: Mask, values: Floats) -> Floats:
    """How many count."""
    number: Floats = counts.sum(axis=1).astype(np.float64)
    return number


def total(counts: Mask, values: Floats) -> Floats:
    """The sum of those that count."""
    sums: Floats = np.where(counts, values, 0.0).sum(axis=1)
    return sums


def mean(counts: Mask, values: Floats) -> Floats:
    """The mean of those that count, NaN of none."""
    return ratio(np.array([total(counts, values), count(counts, values)]))


def least(counts: Mask, values: Floats) -> Floats:
    """The least of those that count, NaN of none."""
    found = np.where(counts, values, np.inf).min(axis=1)
    return np.where(counts.any(axis=1), found, np.nan)


def greatest(counts: Mask, values: Floats) -> Floats:
    """The greatest of those that count, NaN of none."""
    return -least(counts, -values)


@dataclass(frozen=True)
class ExactWindow:
    """What comes of the events of a window, `OVERFLOW` where more than `MOST_EXACT` are in it.

    State: the newest of them, one more than that. With `reads` those that have this property, and
    its values.
    """

    kept: NewestEvents
    events: EventFilter
    reads: str | None
    limits: Sliding
    reduction: Reduction

    def fields(self) -> tuple[Field, ...]:
        return self.kept.fields()

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        chosen = self.events.among(arrivals, table.dictionary)
        values = None if self.reads is None else arrivals.numbers[self.reads]
        if values is not None:
            chosen &= ~np.isnan(values)
            values = values[chosen]
        self.kept.add(table, arrivals.rows[chosen], arrivals.time_us[chosen], values)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        times_us = self.kept.times_us(table, rows)
        counts, change_us = counting(table, self.limits, rows, times_us, now_us)
        values = self.kept.values(table, rows) if self.kept.valued else times_us
        found = self.reduction(counts, values.astype(np.float64))
        return np.where(counts.all(axis=1), OVERFLOW, found), change_us


def exactly(
    feature: Compilation,
    reduction: Reduction,
    parts: Sequence[WindowPart],
    tiled: Callable[[Floats], Floats],
) -> Compiled:
    """A feature of the events of its window, or where they are too many `tiled` by these parts."""
    name, read = feature.part("exact"), feature.reads
    kept = NewestEvents(feature.state, MOST_EXACT + 1, valued=read is not None)
    limits = sliding(feature.definition)
    assert limits is not None, "only a window of a duration is exact"
    reads = None if read is None else read.name
    window = ExactWindow(kept, feature.events, reads, limits, reduction)
    names = (name, *(part.name for part in parts))
    return Compiled(tuple(parts), {name: window}, Exactly(names, tiled))


TILED: Final = "tiled"  # the part of a feature that is one number in tiles


def only(parts: Floats) -> Floats:
    """What there is of one part."""
    value: Floats = parts[0]
    return value
