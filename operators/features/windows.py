"""Windows: the cells in which amounts are added up, and when they count no more.

There are four: tiles of a duration (`tile_window`), periods of the calendar (`calendar_window`),
the current session, a lifetime. Each holds the cells of all features that share it, side by side,
so that they are cleared, read and looked through together. An event's epoch says when its amount
was added: the number of its tile, period or session, or 0; NOT_COUNTED where it lies outside the
window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.sessions import EventSessions, active, in_current
from operators.features.watch import ValueWatch
from operators.pages.layout import Field
from operators.pages.table import UserTable

NOT_COUNTED: Final = -(1 << 62)
SESSION: Final = "session"  # a window that is no duration, and so is the next
LIFETIME: Final = "lifetime"


@dataclass(frozen=True)
class Fold:
    """How amounts come together in a cell, and what an empty cell holds."""

    name: str
    ufunc: np.ufunc
    empty: float

    def values(self, folded: Floats) -> Floats:
        """What a feature says: an empty sum is 0, an empty extreme is not known."""
        if self.empty == 0:
            return folded
        return np.where(folded == self.empty, np.nan, folded)


SUM: Final = Fold("sums", np.add, 0)
MINIMUM: Final = Fold("least", np.minimum, np.inf)
MAXIMUM: Final = Fold("greatest", np.maximum, -np.inf)


@dataclass(frozen=True)
class BatchUpdate:
    """What a batch brings to the profiles, and how far their users had come before it."""

    arrivals: Arrivals
    sessions: EventSessions | None
    before_us: Moments  # newest event by group, -1 for a new user
    newest_us: Moments  # the same with the batch


class Window(Protocol):
    """Cells of `columns` features. Rows are users of the table; all methods take arrays."""

    columns: int

    def field(self) -> Field:
        """The cells as a field of the layout."""

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        """Clear the cells that no longer count once the batch has come."""

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        """The epoch of each event, int64[n]."""

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        """Whether an amount that was added in an epoch still counts, bool[n]."""

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        """Bring amounts into a feature's cells, one by one in the order given.

        `column` is the feature's, or int64[n] where amounts go to different ones.
        """

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        """The features at a moment each, float64[columns, rows], and when they change.

        That is when time alone may next change one of them as it is watched, int64[rows], NEVER
        where it can't; None where it never does, or where that is not the window's to tell.
        `watches` has one for each column, None for one of which no change counts; without them
        any change of any counts.
        """


class Limits(Protocol):
    """The moments that a window has; arrays that broadcast."""

    def is_past(self, times_us: Moments, newest_us: Moments) -> Mask:
        """Whether moments are older than the window at the newest ones."""

    def ends_us(self, times_us: Moments) -> Moments:
        """When these moments drop out of the window."""


def counting(
    table: UserTable,
    limits: Limits,
    rows: Rows,
    times_us: Moments,
    now_us: Moments,
) -> tuple[Mask, Moments]:
    """Which of some moments of each user lie in the window, and when the first drops out.

    `times_us` is int64[rows, any], -1 where there is none. The window is that of `now_us`, or of
    the user's newest event if that is later. Gives bool[rows, any] and int64[rows], NEVER where
    no moment lies in it.
    """
    newest_us = np.maximum(now_us, table.cells("newest_us").take_one(rows))
    counts = (times_us >= 0) & ~limits.is_past(times_us, newest_us[:, None])
    oldest_us = np.where(counts, times_us, newest_us[:, None]).min(axis=1)
    return counts, np.where(counts.any(axis=1), limits.ends_us(oldest_us), NEVER)


class _OneCell:
    """One cell a feature, into which its amounts are folded."""

    def __init__(self, name: str, columns: int, fold: Fold) -> None:
        self.columns = columns
        self._fold = fold
        self._name = name

    def field(self) -> Field:
        return Field(self._name, "f8", self.columns, initial=self._fold.empty)

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        table.cells(self._name).fold(self._fold.ufunc, rows, amounts, column)


class SessionWindow(_OneCell):
    """The cells of the user's current session; empty when it is over."""

    def __init__(self, name: str, gap_us: int, columns: int, fold: Fold) -> None:
        super().__init__(name, columns, fold)
        self._gap_us = gap_us

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        if update.sessions is not None:
            opened = update.arrivals.rows[update.sessions.opened]
            table.cells(self._name).put(opened, self._fold.empty)

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        if update.sessions is None:
            return np.full(len(update.arrivals), NOT_COUNTED)
        counts = in_current(table, update.arrivals, update.sessions)
        return np.where(counts, update.sessions.number, NOT_COUNTED)

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        current: Mask = epochs == table.cells("session.number").take_one(rows)
        return current

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        counts = active(table, rows, now_us, self._gap_us)
        folded = np.where(counts, table.cells(self._name).take(rows).T, self._fold.empty)
        return self._fold.values(folded), None  # the end of a session is the profile's to tell


class LifetimeWindow(_OneCell):
    """The cells of all that the user ever did."""

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        pass  # nothing ever stops to count

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        return np.zeros(len(update.arrivals), np.int64)

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        alive: Mask = epochs != NOT_COUNTED
        return alive

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        return self._fold.values(table.cells(self._name).take(rows).T), None
