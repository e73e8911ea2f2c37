"""`most_frequent`: the value of a property that a user shows most often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Moments, Rows
from operators.base.dictionary import Dictionary
from operators.base.frame import Kind
from operators.features.filters import EventFilter
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import OF, ONE_HOT, WHERE, PropertyName
from operators.features.kinds.reading import text
from operators.features.kinds.window_options import TILE, UP_TO_NOW, ZONE
from operators.features.windows import NOT_COUNTED, BatchUpdate, Window
from operators.pages.layout import Field
from operators.pages.table import UserTable, set_codes, set_keys, set_rows

MOST_COUNTED: Final = 16  # of a user, that are counted exactly
_NONE: Final = -1  # no code


@dataclass(frozen=True)
class MostFrequent:
    """The value with the most events of the types in a window.

    Of equals that with the newest event, of those of one moment the first in the alphabet.

    State: up to `MOST_COUNTED` values, each with a column of the window, and its newest event. A
    value that no longer counts is let go. One more takes the place of the rarest, with its
    count ("space saving"): so a value is never missed for long that stands in more than one of
    `MOST_COUNTED` events, and state is bounded whatever comes.
    """

    name: str
    events: EventFilter
    reads: str
    window: Window

    def fields(self) -> tuple[Field, ...]:
        return (
            self.window.field(),
            Field(self.name, "i8", MOST_COUNTED, initial=_NONE, coded=True),
            Field(self._newest, "i8", MOST_COUNTED, initial=-1),
        )

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        self.window.turn(table, update)
        self._let_go(table, update)
        epochs = self.window.epochs(table, update)
        codes = arrivals.texts[self.reads]
        chosen = np.flatnonzero(
            self.events.among(arrivals, table.dictionary)
            & (epochs != NOT_COUNTED)
            & (codes != _NONE)
        )
        if len(chosen):
            rows, times_us = arrivals.rows[chosen], arrivals.time_us[chosen]
            at = self._place(table, rows, codes[chosen])
            newest = table.cells(self._newest)
            self.window.add(table, at, rows, epochs[chosen], 1)
            newest.fold(np.maximum, rows, times_us, at)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        counts, change_us = self.window.look(table, rows, now_us)
        most = counts.max(axis=0)
        newest_us = np.where(counts == most, table.cells(self._newest).take(rows).T, -1)
        first = newest_us == newest_us.max(axis=0)
        codes = table.cells(self.name).take(rows)
        at = first.argmax(axis=0)
        for tied in np.flatnonzero((first.sum(axis=0) > 1) & (most > 0)).tolist():
            equals = np.flatnonzero(first[:, tied])
            at[tied] = equals[_first_in_alphabet(codes[tied, equals], table.dictionary)]
        values = codes[np.arange(len(rows)), at].astype(np.float64)
        return np.where(most > 0, values, np.nan), change_us

    @property
    def _newest(self) -> str:
        return f"{self.name}.newest_us"

    def _let_go(self, table: UserTable, update: BatchUpdate) -> None:
        """Forget the values that count no more."""
        rows = update.arrivals.touched
        counts = self._counts(table, rows)
        for name in (self.name, self._newest):
            cells = table.cells(name)
            cells.put(rows, np.where(counts.T > 0, cells.take(rows), -1))

    def _counts(self, table: UserTable, rows: Rows) -> Floats:
        """What stands in the columns, float64[columns, rows]: as of no later than the newest event.

        A session that is over by then may yet go on.
        """
        return self.window.look(table, rows, np.zeros(len(rows), np.int64))[0]

    def _place(self, table: UserTable, rows: Rows, codes: Ints) -> Ints:
        """The column of each event's value, given out now if it has none."""
        cells = table.cells(self.name)
        keys = set_keys(rows, codes)
        missing = np.unique(keys[~(cells.take(rows) == codes[:, None]).any(axis=1)])
        owners = set_rows(missing)
        # The n-th value that a user lacks gets the n-th column that is free.
        nth = np.arange(len(owners)) - np.searchsorted(owners, owners)
        free = cells.take(owners) == _NONE
        at_most = np.minimum(nth, MOST_COUNTED - 1)[:, None]
        columns = np.take_along_axis(np.argsort(~free, axis=1, kind="stable"), at_most, axis=1)
        crowded = np.unique(owners[nth >= free.sum(axis=1)])
        placed = ~np.isin(owners, crowded)
        cells.flat[cells.at(owners[placed], columns[placed, 0])] = set_codes(missing[placed])
        at: Ints = (cells.take(rows) == codes[:, None]).argmax(axis=1)
        for row in crowded.tolist():
            own = slice(*np.searchsorted(rows, [row, row + 1]).tolist())
            at[own] = self._place_one_by_one(table, row, codes[own].tolist())
        return at

    def _place_one_by_one(self, table: UserTable, row: int, codes: list[int]) -> list[int]:
        """The same for a user who has too many values."""
        rows = np.array([row])
        cells = table.cells(self.name)
        held = cells.take(rows)[0].tolist()
        counts = self._counts(table, rows)[:, 0].tolist()
        columns = []
        for code in codes:
            column = held.index(code) if code in held else counts.index(min(counts))
            held[column] = code
            counts[column] += 1
            columns.append(column)
        cells.put(rows, held)
        return columns


def _first_in_alphabet(codes: Ints, dictionary: Dictionary) -> int:
    """Which of these codes has the first text."""
    texts = [dictionary.text(code) for code in codes.tolist()]
    return texts.index(min(texts))


def _most_frequent(feature: Compilation) -> Compiled:
    counts = feature.own_counts(MOST_COUNTED)
    read = feature.property_name
    return feature.alone(MostFrequent(feature.state, feature.events, read, counts))


KINDS: Final = (
    FeatureKind(
        PropertyName("most_frequent"),
        takes=(OF, WHERE, UP_TO_NOW, TILE, ONE_HOT, ZONE),
        reads=text,
        compile=_most_frequent,
        presents=Kind.CATEGORY,
    ),
)
