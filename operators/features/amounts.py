"""What features add up in their windows: events, values of a property, sessions, new values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np

from operators.features.choice import Choice
from operators.features.windows import NOT_COUNTED, Update, Window
from operators.pages.journal import Journal
from operators.pages.sets import Ints
from operators.pages.table import set_keys, set_rows

_NO_CODE: Final = -1


class Amount(Protocol):
    """One feature's share in a batch, added to its column of a window."""

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        """Add what the batch brings; `epochs` are those of the window, int64[n]."""


@runtime_checkable
class Keeper(Amount, Protocol):
    """An amount that keeps sets of the table to know what it has counted."""

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of its sets."""

    def prune(self, journal: Journal, window: Window) -> None:
        """Drop what counts no more; only before the journal is compacted."""


@dataclass(frozen=True)
class Count:
    """Each event of the types counts 1."""

    types: Choice

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        counted = self.types.among(update.arrivals, journal.table.dictionary) & (
            epochs != NOT_COUNTED
        )
        window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)


@dataclass(frozen=True)
class Known:
    """Each event of the types that has a value of a property counts 1."""

    types: Choice
    reads: str

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        known = ~np.isnan(update.arrivals.numbers[self.reads])
        counted = (
            self.types.among(update.arrivals, journal.table.dictionary)
            & (epochs != NOT_COUNTED)
            & known
        )
        window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)


@dataclass(frozen=True)
class Value:
    """Each event of the types brings its value of a property."""

    types: Choice
    reads: str

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        values = update.arrivals.numbers[self.reads]
        counted = (
            self.types.among(update.arrivals, journal.table.dictionary)
            & (epochs != NOT_COUNTED)
            & ~np.isnan(values)
        )
        rows = update.arrivals.rows[counted]
        window.add(journal.table, column, rows, epochs[counted], values[counted])


@dataclass(frozen=True)
class SessionStarts:
    """Each event that opens a session counts 1."""

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        if update.sessions is not None:
            counted = update.sessions.opened & (epochs != NOT_COUNTED)
            window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)


@dataclass(frozen=True)
class Distinct:
    """Each value of a property counts 1 in the newest epoch in which it was seen.

    The set `name` holds for every (user, value) that epoch. A value seen again moves on to
    the new epoch, so a window never counts it twice, and forgets it on time.
    """

    name: str
    types: Choice
    reads: str

    @property
    def sets(self) -> tuple[str]:
        """The one set that it keeps in the table."""
        return (self.name,)

    def add(
        self, journal: Journal, update: Update, window: Window, column: int, epochs: Ints
    ) -> None:
        codes = update.arrivals.texts[self.reads]
        counted = (
            self.types.among(update.arrivals, journal.table.dictionary)
            & (epochs != NOT_COUNTED)
            & (codes != _NO_CODE)
        )
        if not np.any(counted):
            return
        keys, newest = _newest(
            set_keys(update.arrivals.rows[counted], codes[counted]), epochs[counted]
        )
        table = journal.table
        old = table.sets[self.name].get(keys, NOT_COUNTED)
        later = newest > old
        keys, newest, old = keys[later], newest[later], old[later]
        rows = set_rows(keys)
        moved = window.live(table, rows, old)
        window.add(table, column, rows[moved], old[moved], -1)
        window.add(table, column, rows, newest, 1)
        table.sets[self.name].put(keys, newest)
        journal.note(self.name, keys, newest)

    def prune(self, journal: Journal, window: Window) -> None:
        keys, epochs = journal.table.sets[self.name].items()
        journal.drop(self.name, ~window.live(journal.table, set_rows(keys), epochs))


def _newest(keys: Ints, epochs: Ints) -> tuple[Ints, Ints]:
    """Each key once, with the newest of its epochs."""
    order = np.lexsort((epochs, keys))
    keys, epochs = keys[order], epochs[order]
    last = np.append(keys[1:] != keys[:-1], True)
    return keys[last], epochs[last]
