"""The evaluations that a message brings, laid out by user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.base.arrays import NEVER, Floats, Mask, Moments, Rows
from operators.features.clocks import EvaluationRound


class Schedule:
    """Each user's evaluations in their order, taken off one at a time.

    Args:
        rounds: the evaluations.
        rows: users, each once, ascending; all who are evaluated are among them.
    """

    def __init__(self, rounds: Sequence[EvaluationRound], rows: Rows) -> None:
        arrived = np.concatenate([_NOBODY, *(round_.rows for round_ in rounds)])
        order = np.argsort(arrived, kind="stable")
        moments = [_NOBODY, *(round_.now_us for round_ in rounds)]
        # One more, never due, for users who have come to their end.
        self._now_us = np.append(np.concatenate(moments)[order], NEVER)
        values = [round_.values for round_ in rounds]
        self._values = np.concatenate(values, axis=1)[:, order] if values else np.zeros((0, 0))
        in_order = arrived[order]
        self._next = np.searchsorted(in_order, rows, side="left")
        self._end = np.searchsorted(in_order, rows, side="right")

    def next_us(self) -> Moments:
        """The moment of each user's next evaluation, int64[rows]; NEVER where there is none."""
        return np.where(self._next < self._end, self._now_us[self._next], NEVER)

    def take(self, users: Mask) -> Floats:
        """Take the next evaluation of these users off: float64[features, n]."""
        taken: Floats = self._values[:, self._next[users]]
        self._next = self._next + users
        return taken

    def keep(self, users: Mask) -> None:
        """Let go of all other users."""
        self._next, self._end = self._next[users], self._end[users]


_NOBODY: Rows = np.zeros(0, np.int64)
