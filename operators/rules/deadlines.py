"""Deadlines: what waits for a moment, shortest stays, cool-downs and dates, of few users each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import NEVER, Mask, Moments, Rows
from operators.rules.segment import Segment


@dataclass(frozen=True)
class Deadlines:
    """Segments and users for whom a moment decides, `us`: three arrays of equal length."""

    rows: Rows
    users: Rows
    us: Moments

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, those: Mask) -> Deadlines:
        """Some of them, by a flag each."""
        return Deadlines(self.rows[those], self.users[those], self.us[those])

    def within(self, flags: Mask) -> Deadlines:
        """Those for whom bool[segments, n] is set."""
        return self.only(flags[self.rows, self.users])

    def later(self, now_us: Moments) -> Deadlines:
        """Those whose moment is still to come; `now_us` is int64[n]."""
        return self.only(self.us > now_us[self.users])

    def after(self, begun_us: Moments) -> Deadlines:
        """With moments a length of time after these, where `us` is such a length."""
        return Deadlines(self.rows, self.users, begun_us + self.us)


class Timed:
    """The segments that have a length of time or a date, by their rows among some."""

    def __init__(self, segments: Sequence[Segment], read: Callable[[Segment], int | None]) -> None:
        found = [(row, us) for row, us in enumerate(map(read, segments)) if us is not None]
        self.rows: NDArray[np.intp] = np.array([row for row, _ in found], np.intp)
        self._us = np.array([us for _, us in found], np.int64)

    def deadlines(self, flags: Mask) -> Deadlines:
        """Where bool[segments, n] is set of these segments, with their lengths or dates."""
        # One dimension is ten times as fast as nonzero with two.
        at = np.flatnonzero(flags[self.rows])
        if not len(at):
            return _NOBODY
        which, users = np.divmod(at, max(flags.shape[1], 1))
        return Deadlines(self.rows[which], users, self._us[which])


class Due:
    """The next moment for each of n users, int64[n] `at_us`; `NEVER` if there is none."""

    def __init__(self, users: int) -> None:
        self.at_us: Moments = np.full(users, NEVER)

    def all(self, at_us: Moments) -> None:
        """Take a moment of every user into account."""
        np.minimum(self.at_us, at_us, out=self.at_us)

    def add(self, deadlines: Deadlines) -> None:
        """Take moments of some users into account."""
        if len(deadlines):
            np.minimum.at(self.at_us, deadlines.users, deadlines.us)

    def rounded_up(self, resolution_us: int) -> Moments:
        """The first multiple of the resolution at which it has come; int64[n]."""
        return rounded_up(self.at_us, resolution_us)


def rounded_up(at_us: Moments, resolution_us: int) -> Moments:
    """The first multiples of the resolution that are not before these moments; `NEVER` stays."""
    if resolution_us == 1:
        return at_us
    return np.where(at_us == NEVER, NEVER, -(-at_us // resolution_us) * resolution_us)


_NONE: Rows = np.zeros(0, np.int64)
_NOBODY = Deadlines(_NONE, _NONE, _NONE)
