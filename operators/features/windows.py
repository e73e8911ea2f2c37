"""Windows: the cells in which amounts are added up, and when they count no more.

There are three: tiles of a duration, the current session, and a lifetime. Each holds the
cells of all features that share it, side by side, so that they are cleared, read and looked
through together. An event's epoch says when its amount was added: the index of its tile, the
number of its session, or 0; NOT_COUNTED where it lies outside the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.sessions import EventSessions, active, in_current
from operators.features.tiling import Tiling
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

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The features at a moment each, float64[columns, rows], and when they change.

        That is when time alone may next change one of them, int64[rows], NEVER where it can't;
        None where it never does, or where that is not the window's to tell.
        """


def counting(
    table: UserTable, tiling: Tiling, rows: Rows, times_us: Moments, now_us: Moments
) -> tuple[Mask, Moments]:
    """Which of some moments of each user lie in the window, and when the first drops out.

    `times_us` is int64[rows, any], -1 where there is none. The window is that of `now_us`, or of
    the user's newest event if that is later. Gives bool[rows, any] and int64[rows], NEVER where
    no moment lies in it.
    """
    newest_us = np.maximum(now_us, table.cells("newest_us").take_one(rows))
    counts = (times_us >= 0) & ~tiling.is_past(times_us, newest_us[:, None])
    tiles = np.where(counts, times_us, NEVER) // tiling.tile_us
    drops_us = (tiles.min(axis=1) + tiling.tiles) * tiling.tile_us
    return counts, np.where(counts.any(axis=1), drops_us, NEVER)


class TileWindow:
    """A ring of tiles a feature: the tile of the user's newest event and those before it.

    Tile t (time // tile_us) lies in cell t modulo the number of tiles. A ring holds what its
    user did up to the newest event; at a later moment the oldest tiles count no more.
    """

    def __init__(self, name: str, tiling: Tiling, dtype: str, columns: int, fold: Fold) -> None:
        self.columns = columns
        self._fold = fold
        self._name = name
        self._dtype = dtype
        self._tile_us = tiling.tile_us
        self._tiles = tiling.tiles
        self._ages = np.arange(self._tiles)

    def field(self) -> Field:
        length = self.columns * self._tiles
        return Field(self._name, self._dtype, length, initial=self._fold.empty)

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        old = update.before_us // self._tile_us
        passed = np.minimum(update.newest_us // self._tile_us - old, self._tiles)
        moved = np.flatnonzero((passed > 0) & (update.before_us >= 0))
        if len(moved):
            first = (old[moved] + 1) % self._tiles
            gone = (self._ages - first[:, None]) % self._tiles < passed[moved, None]
            cells = table.cells(self._name)
            rows = update.arrivals.touched[moved]
            rings = cells.take(rows).reshape(len(rows), self.columns, self._tiles)
            kept = np.where(gone[:, None, :], self._fold.empty, rings)
            cells.put(rows, kept.reshape(len(rows), -1))

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        tiles = update.arrivals.time_us // self._tile_us
        oldest = (update.newest_us // self._tile_us - self._tiles + 1)[update.arrivals.group]
        return np.where(tiles >= oldest, tiles, NOT_COUNTED)

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        newest = table.cells("newest_us").take_one(rows) // self._tile_us
        alive: Mask = epochs > newest - self._tiles
        return alive

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        cells = table.cells(self._name)
        at = cells.at(rows, column * self._tiles + epochs % self._tiles)
        self._fold.ufunc.at(cells.flat, at, amounts)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        rings = table.cells(self._name).take(rows).reshape(len(rows), self.columns, self._tiles)
        newest = table.cells("newest_us").take_one(rows) // self._tile_us
        ages = (newest[:, None] - self._ages) % self._tiles  # by cell, in tiles
        passed = now_us // self._tile_us - newest
        if np.any(passed > 0):
            counts = ages + np.maximum(passed, 0)[:, None] < self._tiles
            rings = np.where(counts[:, None, :], rings, self._fold.empty)
        values = self._fold.values(self._fold.ufunc.reduce(rings, axis=2, dtype=np.float64).T)
        oldest = np.where((rings != self._fold.empty).any(axis=1), ages, -1).max(axis=1)
        drops_us = (newest - oldest + self._tiles) * self._tile_us
        return values, np.where(oldest >= 0, drops_us, NEVER)


class SessionWindow:
    """One cell a feature, for the user's current session; empty when it is over."""

    def __init__(self, name: str, gap_us: int, columns: int, fold: Fold) -> None:
        self.columns = columns
        self._fold = fold
        self._name = name
        self._gap_us = gap_us

    def field(self) -> Field:
        return Field(self._name, "f8", self.columns, initial=self._fold.empty)

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

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        cells = table.cells(self._name)
        self._fold.ufunc.at(cells.flat, cells.at(rows, column), amounts)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        counts = active(table, rows, now_us, self._gap_us)
        folded = np.where(counts, table.cells(self._name).take(rows).T, self._fold.empty)
        return self._fold.values(folded), None  # the end of a session is the profile's to tell


class LifetimeWindow:
    """One cell a feature, for all that the user ever did."""

    def __init__(self, name: str, columns: int, fold: Fold) -> None:
        self.columns = columns
        self._fold = fold
        self._name = name

    def field(self) -> Field:
        return Field(self._name, "f8", self.columns, initial=self._fold.empty)

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        pass  # nothing ever stops to count

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        return np.zeros(len(update.arrivals), np.int64)

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        alive: Mask = epochs != NOT_COUNTED
        return alive

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        cells = table.cells(self._name)
        self._fold.ufunc.at(cells.flat, cells.at(rows, column), amounts)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        return self._fold.values(table.cells(self._name).take(rows).T), None
