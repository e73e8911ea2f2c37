"""`distinct`: different values in a window, exactly while they are few, else by a sample of them.

A user's values are sampled at a level: at level l the one value in 2**l whose hash says so, and
each stands for 2**l. While at most `MOST_KEPT` values count, the level is 0 and the number exact.
With one more, the level rises until they are few enough again, so 500 to 1,000 are kept of
however many: the standard error is below 4.5 % as long as most of them count. Kept values leave the
window as they do at level 0, one by one. When none is left, the level is 0 again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from operators.base.arrays import Floats, Ints, Mask, Moments, Rows
from operators.base.runs import ends
from operators.features.filters import EventFilter
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import text
from operators.features.kinds.window_options import TILE, UP_TO_NOW, ZONE
from operators.features.shared_windows import COUNTS, WindowPart
from operators.features.windows import NOT_COUNTED, BatchUpdate, Window
from operators.pages.journal import Journal
from operators.pages.layout import Field
from operators.pages.table import UserTable, set_codes, set_keys, set_rows

MOST_KEPT: Final = 1_000  # values of a user and feature that are kept

_NO_CODE: Final = -1
_LEVEL, _ADDED = range(2)
_MIX: Final = 0x9E3779B1  # Fibonacci hashing: 2**32 / golden ratio


@dataclass(frozen=True)
class Level:
    """How thinly the values of a `Distinct` of that name are sampled, 0 for not at all.

    State: the level, and how many values have been added since it was last seen whether there
    are too many of them.
    """

    name: str

    def fields(self) -> tuple[Field, ...]:
        return (Field(_level(self.name), "i4", 2),)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        pass  # it rises with the values

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        return table.cells(_level(self.name)).take_one(rows, _LEVEL).astype(np.float64), None


@dataclass(frozen=True)
class Distinct:
    """Each value of a property that is kept counts 1 in the newest epoch in which it was seen.

    The set `name` holds for every (user, value) that epoch. A value seen again moves on to
    the new epoch, so a window never counts it twice, and forgets it on time.
    """

    name: str
    events: EventFilter
    reads: str

    @property
    def sets(self) -> tuple[str]:
        """The one set that it keeps in the table."""
        return (self.name,)

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        table = journal.table
        codes = update.arrivals.texts[self.reads]
        counted = (
            self.events.among(update.arrivals, table.dictionary)
            & (epochs != NOT_COUNTED)
            & (codes != _NO_CODE)
        )
        if not np.any(counted):
            return
        keys, newest = _newest(
            set_keys(update.arrivals.rows[counted], codes[counted]), epochs[counted]
        )
        sampled = self._sampled(table, keys, window, column)
        keys, newest = keys[sampled], newest[sampled]
        old = table.sets[self.name].get(keys, NOT_COUNTED)
        later = newest > old
        keys, newest, old = keys[later], newest[later], old[later]
        rows = set_rows(keys)
        moved = window.live(table, rows, old)
        window.add(table, column, rows[moved], old[moved], -1)
        window.add(table, column, rows, newest, 1)
        self._put(journal, keys, newest)
        self._thin_out(journal, window, column, rows[~moved])

    def prune(self, journal: Journal, window: Window) -> None:
        keys, epochs = journal.table.sets[self.name].items()
        journal.drop(self.name, ~window.live(journal.table, set_rows(keys), epochs))

    def _sampled(self, table: UserTable, keys: Ints, window: Window, column: int) -> Mask:
        """Which values are kept at the levels of their users, bool[keys]."""
        cells = table.cells(_level(self.name))
        rows = set_rows(keys)
        kept = np.ones(len(keys), np.bool_)
        at = np.flatnonzero(cells.take_one(rows, _LEVEL))
        if len(at):
            heavy = np.unique(rows[at])
            over = heavy[_count(table, window, column, heavy) == 0]
            cells.put(over, 0)
            kept[at] = _ranks(table, keys[at]) >= cells.take_one(rows[at], _LEVEL)
        return kept

    def _thin_out(self, journal: Journal, window: Window, column: int, rows: Rows) -> None:
        """Raise the levels of users with too many values; `rows` once for each value that is new.

        The values are counted only when so many were added that there may be too many.
        """
        cells = journal.table.cells(_level(self.name))
        cells.fold(np.add, rows, 1, _ADDED)
        at = np.flatnonzero(cells.take_one(rows, _ADDED) > MOST_KEPT)
        if not len(at):
            return
        many = np.unique(rows[at])
        for row, count in zip(many, _count(journal.table, window, column, many), strict=True):
            if count > MOST_KEPT:
                self._raise(journal, window, column, int(row))
        cells.put_one(many, _count(journal.table, window, column, many), _ADDED)

    def _raise(self, journal: Journal, window: Window, column: int, row: int) -> None:
        table = journal.table
        keys, epochs = table.sets[self.name].items()
        own = np.flatnonzero(set_rows(keys) == row)
        own = own[window.live(table, set_rows(keys[own]), epochs[own])]
        keys, epochs = keys[own], epochs[own]
        ranks = _ranks(table, keys)
        level = int(np.sort(ranks)[-MOST_KEPT - 1]) + 1  # that few enough are at or above
        gone = ranks < level
        table.cells(_level(self.name)).put_one(np.array([row]), level, _LEVEL)
        window.add(table, column, set_rows(keys[gone]), epochs[gone], -1)
        self._put(journal, keys[gone], np.full(np.count_nonzero(gone), NOT_COUNTED))

    def _put(self, journal: Journal, keys: Ints, epochs: Ints) -> None:
        journal.table.sets[self.name].put(keys, epochs)
        journal.note(self.name, keys, epochs)


def _level(name: str) -> str:
    return f"{name}.level"


def _count(table: UserTable, window: Window, column: int, rows: Rows) -> Floats:
    """How many values of these users count, as of no later than the newest event."""
    counts: Floats = window.look(table, rows, np.zeros(len(rows), np.int64))[0][column]
    return counts


def _ranks(table: UserTable, keys: Ints) -> Ints:
    """The level up to which each value is kept: that of one in 2**l is l or more."""
    texts = map(table.dictionary.text, set_codes(keys).tolist())
    hashes = np.array([crc32(text.encode()) * _MIX & 0xFFFFFFFF for text in texts], np.uint32)
    # Leading zeros: what the exponent of a float is for; 0 has all 32.
    return 32 - np.frexp(hashes.astype(np.float64))[1].astype(np.int64)


def _newest(keys: Ints, epochs: Ints) -> tuple[Ints, Ints]:
    """Each key once, with the newest of its epochs."""
    order = np.lexsort((epochs, keys))
    keys, epochs = keys[order], epochs[order]
    last = ends(keys)
    return keys[last], epochs[last]


@dataclass(frozen=True)
class Sampled:
    """A count of values of which one in 2**level was kept."""

    parts: tuple[str, str]

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        kept, level = parts
        return np.ldexp(kept, level.astype(np.int64)), None


def _distinct(feature: Compilation) -> Compiled:
    kept, level = feature.part("kept"), feature.part("level")
    values = Distinct(feature.state, feature.events, feature.property_name)
    return Compiled(
        parts=(WindowPart(kept, feature.span, values, COUNTS),),
        own={level: Level(feature.state)},
        derived=Sampled((kept, level)),
    )


KINDS: Final = (
    FeatureKind(
        PropertyName("distinct"),
        takes=(OF, WHERE, UP_TO_NOW, TILE, ZONE),
        reads=text,
        compile=_distinct,
        empty=zero,
        counts=True,
    ),
)
