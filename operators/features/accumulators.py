"""What features add up in their windows: events, values of a property, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from operators.base.arrays import Ints
from operators.features.filters import EventFilter
from operators.features.windows import NOT_COUNTED, BatchUpdate, Window
from operators.pages.journal import Journal


class Accumulator(Protocol):
    """One feature's share in a batch, added to its column of a window."""

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        """Add what the batch brings; `epochs` are those of the window, int64[n]."""


@runtime_checkable
class SetAccumulator(Accumulator, Protocol):
    """An accumulator that keeps sets of the table to know what it has counted."""

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of its sets."""

    def prune(self, journal: Journal, window: Window) -> None:
        """Drop what counts no more; only before the journal is compacted."""


@dataclass(frozen=True)
class EventCount:
    """Each event of the types counts 1."""

    events: EventFilter

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        counted = self.events.among(update.arrivals, journal.table.dictionary) & (
            epochs != NOT_COUNTED
        )
        window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)


@dataclass(frozen=True)
class ValueCount:
    """Each event of the types that has a value of a property counts 1."""

    events: EventFilter
    reads: str

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        known = ~np.isnan(update.arrivals.numbers[self.reads])
        counted = (
            self.events.among(update.arrivals, journal.table.dictionary)
            & (epochs != NOT_COUNTED)
            & known
        )
        window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)


@dataclass(frozen=True)
class ValueAmount:
    """Each event of the types brings its value of a property."""

    events: EventFilter
    reads: str

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        values = update.arrivals.numbers[self.reads]
        counted = (
            self.events.among(update.arrivals, journal.table.dictionary)
            & (epochs != NOT_COUNTED)
            & ~np.isnan(values)
        )
        rows = update.arrivals.rows[counted]
        window.add(journal.table, column, rows, epochs[counted], values[counted])


@dataclass(frozen=True)
class SessionCount:
    """Each event that opens a session counts 1."""

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        if update.sessions is not None:
            counted = update.sessions.opened & (epochs != NOT_COUNTED)
            window.add(journal.table, column, update.arrivals.rows[counted], epochs[counted], 1)
