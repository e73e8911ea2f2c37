"""Windows of a duration, which is cut into tiles: when they drop out, and when rules can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.features.tiling import Tiling
from operators.features.watch import ValueWatch
from operators.features.windows import NOT_COUNTED, BatchUpdate, Fold
from operators.pages.layout import Field
from operators.pages.table import UserTable


class TileRing:
    """A ring of tiles a feature: the tile of the user's newest event and those before it.

    Tile t, as `tiles_of` numbers them by their moments, lies in cell t modulo the number of
    tiles. A ring holds what its user did up to the newest event.
    """

    def __init__(
        self,
        name: str,
        tiles_of: Callable[[Moments], Ints],
        tiles: int,
        dtype: str,
        columns: int,
        fold: Fold,
    ) -> None:
        self.columns = columns
        self._fold = fold
        self._name = name
        self._dtype = dtype
        self._tiles_of = tiles_of
        self._tiles = tiles
        # Where a ring's newest tile stands at place p, the ages by place are row tiles - 1 - p.
        circle = (self._tiles - 1 - np.arange(2 * self._tiles - 1)) % self._tiles
        self._circle = np.lib.stride_tricks.sliding_window_view(circle, self._tiles)

    def field(self) -> Field:
        length = self.columns * self._tiles
        return Field(self._name, self._dtype, length, initial=self._fold.empty)

    def turn(self, table: UserTable, update: BatchUpdate) -> None:
        old = self._tiles_of(update.before_us)
        passed = np.minimum(self._tiles_of(update.newest_us) - old, self._tiles)
        moved = np.flatnonzero((passed > 0) & (update.before_us >= 0))
        if len(moved):
            gone = self._ages(old[moved]) >= self._tiles - passed[moved, None]
            cells = table.cells(self._name)
            rows = update.arrivals.touched[moved]
            rings = cells.take(rows).reshape(len(rows), self.columns, self._tiles)
            np.copyto(rings, self._fold.empty, where=gone[:, None, :])
            cells.put(rows, rings.reshape(len(rows), -1))

    def epochs(self, table: UserTable, update: BatchUpdate) -> Ints:
        tiles = self._tiles_of(update.arrivals.time_us)
        oldest = (self._tiles_of(update.newest_us) - self._tiles + 1)[update.arrivals.group]
        return np.where(tiles >= oldest, tiles, NOT_COUNTED)

    def live(self, table: UserTable, rows: Rows, epochs: Ints) -> Mask:
        alive: Mask = epochs > self._newest(table, rows) - self._tiles
        return alive

    def add(
        self, table: UserTable, column: int | Ints, rows: Rows, epochs: Ints, amounts: Floats | int
    ) -> None:
        cells = table.cells(self._name)
        cells.fold(self._fold.ufunc, rows, amounts, column * self._tiles + epochs % self._tiles)

    def _rings(self, table: UserTable, rows: Rows) -> Floats:
        """The cells, [rows, columns, tiles]."""
        rings: Floats = table.cells(self._name).take(rows)
        return rings.reshape(len(rows), self.columns, self._tiles)

    def _newest(self, table: UserTable, rows: Rows) -> Ints:
        """The tiles of the users' newest events."""
        return self._tiles_of(table.cells("newest_us").take_one(rows))

    def _ages(self, newest: Ints) -> Ints:
        """How many tiles each place of a ring is behind the newest one, int64[rows, tiles]."""
        ages: Ints = self._circle[self._tiles - 1 - newest % self._tiles]
        return ages


class TileWindow(TileRing):
    """All tiles of a ring: a window of a duration. Later the oldest tiles count no more."""

    def __init__(self, name: str, tiling: Tiling, dtype: str, columns: int, fold: Fold) -> None:
        super().__init__(name, tiling.tiles_of, tiling.tiles, dtype, columns, fold)
        self._tile_us = tiling.tile_us

    def look(
        self,
        table: UserTable,
        rows: Rows,
        now_us: Moments,
        watches: Sequence[ValueWatch | None] | None = None,
    ) -> tuple[Floats, Moments | None]:
        rings, newest = self._rings(table, rows), self._newest(table, rows)
        passed = np.maximum(now_us // self._tile_us - newest, 0)
        if watches is not None:
            return self._solve(rings, newest, passed, watches)
        ages = self._ages(newest)
        if passed.any():
            gone = ages >= self._tiles - passed[:, None]
            np.copyto(rings, self._fold.empty, where=gone[:, None, :])
        values = self._fold.values(self._fold.ufunc.reduce(rings, axis=2, dtype=np.float64).T)
        oldest = np.where((rings != self._fold.empty).any(axis=1), ages, -1).max(axis=1)
        drops_us = (newest - oldest + self._tiles) * self._tile_us
        return values, np.where(oldest >= 0, drops_us, NEVER)

    def _solve(
        self, rings: Floats, newest: Ints, passed: Ints, watches: Sequence[ValueWatch | None]
    ) -> tuple[Floats, Moments]:
        """The values, and when enough tiles have dropped out for rules to tell."""
        totals = self._totals(rings, newest)
        left = self._tiles - np.minimum(passed, self._tiles)
        values = totals[:, np.arange(len(rings)), left]
        differ = np.zeros(totals.shape[1:], np.bool_)
        for total, value, watch in zip(totals, values, watches, strict=True):
            if watch is not None:
                differ |= watch.tells_apart(total, value[:, None])
        differ[np.arange(self._tiles + 1) >= left[:, None]] = False
        last = self._tiles - differ[:, ::-1].argmax(axis=1)  # the most tiles by which one differs
        drops_us = (newest + self._tiles - last) * self._tile_us
        return self._fold.values(values), np.where(differ.any(axis=1), drops_us, NEVER)

    def _totals(self, rings: Floats, newest: Ints) -> Floats:
        """What comes of the newest 0, 1, ... tiles alone, float64[columns, rows, tiles + 1].

        Later, when tiles have dropped out, a feature is one of these, to the last digit.
        """
        by_age = self._ages(newest)  # (newest - place) % tiles, and so the places by age
        totals = np.empty((self.columns, len(rings), self._tiles + 1))
        totals[:, :, 0] = self._fold.empty
        totals[:, :, 1:] = rings.swapaxes(0, 1)[:, np.arange(len(rings))[:, None], by_age]
        self._fold.ufunc.accumulate(totals, axis=2, out=totals)
        return totals
