"""When users are evaluated: by the wall clock, or by the times of the events themselves.

A clock brings profiles forward by a batch and gives the evaluations that follow from it, as
rounds: in a round a user stands at most once, and rounds are in the order of each user's time.
It says, too, whose time is over: a user is due by then at the latest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.lifetime import Forgotten
from operators.features.profiles import DUE, EVALUATED, NEWEST, Profiles


@dataclass(frozen=True)
class EvaluationRound:
    """Some users, each once, with their features float64[features, n] at a moment each."""

    rows: Rows
    now_us: Moments
    values: Floats


@dataclass(frozen=True)
class Step:
    """What a step of a clock comes to: evaluations, and users to be forgotten after theirs."""

    rounds: list[EvaluationRound]
    forgotten: Forgotten


def evaluate_all(profiles: Profiles, now_us: int, forgotten: Forgotten) -> EvaluationRound:
    """All users of the lane at one moment, but for those who are to be forgotten."""
    rows = np.setdiff1d(profiles.table.rows(), forgotten.rows)
    moments = np.full(len(rows), now_us)
    return EvaluationRound(rows, moments, profiles.evaluate(rows, moments).values)


class WallClock:
    """Users are evaluated now: those who just acted, and those whom time has changed."""

    def step(self, profiles: Profiles, arrivals: Arrivals | None, now_us: int) -> Step:
        """Bring the profiles forward by a batch, and evaluate at `now_us`."""
        due = profiles.table.cells(DUE)
        rows = _with_due(profiles, arrivals, now_us)
        profiles.journal.begin(rows)
        if arrivals is not None and len(arrivals):
            profiles.add(arrivals)
        over_us = profiles.over_us(rows)
        over = over_us <= now_us
        gone = np.flatnonzero(over)
        forgotten = _forgotten(profiles, rows[gone], np.full(len(gone), now_us))
        rows = rows[~over]
        if not len(rows):
            return Step([], forgotten)
        moments = np.full(len(rows), now_us)
        evaluation = profiles.evaluate(rows, moments)
        due.put_one(rows, np.minimum(evaluation.change_us, over_us[~over]))
        return Step([EvaluationRound(rows, moments, evaluation.values)], forgotten)


class EventClock:
    """Users are evaluated at multiples of `resolution_us` of event time.

    The events of a slice [k r, (k + 1) r) are evaluated together at its end; what time alone
    changes, at the first multiple at which it has changed. Both happen once the lane's clock
    has passed them, so that neither batches nor lanes show in the results: the events of a
    user in the order of their times give the same evaluations however they arrive. Users are
    independent, so each goes through its own slices while all take a step together. A user
    whose time is over at a moment is forgotten instead of evaluated.
    """

    def __init__(self, resolution_us: int) -> None:
        self._resolution_us = resolution_us

    def step(self, profiles: Profiles, arrivals: Arrivals | None, clock_us: int) -> Step:
        """Bring the profiles forward by a batch, and evaluate up to the lane's clock."""
        until_us = clock_us // self._resolution_us * self._resolution_us
        rows = _with_due(profiles, arrivals, until_us)
        profiles.journal.begin(rows)
        walk = _Walk(profiles, rows, arrivals, self._resolution_us)
        rounds = list(walk.rounds(until_us))
        walk.write()
        return Step(rounds, walk.forgotten())


class _Walk:
    """The users of a batch on their way through its slices and their due moments."""

    def __init__(
        self, profiles: Profiles, rows: Rows, arrivals: Arrivals | None, resolution_us: int
    ) -> None:
        self._profiles = profiles
        self._rows = rows
        self._resolution_us = resolution_us
        self._due_us = profiles.table.cells(DUE).take_one(rows)
        self._evaluated_us = profiles.table.cells(EVALUATED).take_one(rows)
        self._forgotten_us = np.full(len(rows), NEVER)
        self._slices = None
        if arrivals is not None and len(arrivals):
            self._slices = _Slices(arrivals, self._slice_ends_us(arrivals), rows)

    def rounds(self, until_us: int) -> Iterator[EvaluationRound]:
        """Evaluate and add, step by step, until nothing is left that is due by `until_us`."""
        while True:
            next_us = self._slices.next_us() if self._slices else np.full(len(self._rows), NEVER)
            # A slice that ends at T holds no event before T - r: what is due by then, is due
            # before the slice.
            due = self._due_us <= np.minimum(until_us, next_us - self._resolution_us)
            adding = ~due & (next_us != NEVER)
            evaluated = due & ~self._forget(due)
            if np.any(evaluated):
                yield self._evaluate(np.flatnonzero(evaluated))
            if self._slices and np.any(adding):
                self._profiles.add(self._slices.take(adding))
                self._due_us[adding] = next_us[adding]
            elif not np.any(evaluated):
                return

    def write(self) -> None:
        """Write back how far the users have come."""
        table = self._profiles.table
        table.cells(DUE).put_one(self._rows, self._due_us)
        table.cells(EVALUATED).put_one(self._rows, self._evaluated_us)

    def forgotten(self) -> Forgotten:
        """Those whose time was over on the way."""
        gone = np.flatnonzero(self._forgotten_us != NEVER)
        return _forgotten(self._profiles, self._rows[gone], self._forgotten_us[gone])

    def _forget(self, due: Mask) -> Mask:
        """Of those who are due, forget those whose time is over; they are due no more."""
        over = due & (self._due_us >= self._profiles.over_us(self._rows))
        self._forgotten_us[over] = self._due_us[over]
        self._due_us[over] = NEVER
        return over

    def _evaluate(self, at: Ints) -> EvaluationRound:
        rows, moments = self._rows[at], self._due_us[at]
        evaluation = self._profiles.evaluate(rows, moments)
        self._evaluated_us[at] = moments
        change_us = evaluation.change_us
        up = -(-change_us // self._resolution_us) * self._resolution_us
        due_us = np.where(change_us == NEVER, NEVER, up)
        self._due_us[at] = np.minimum(due_us, self._profiles.over_us(rows))
        return EvaluationRound(rows, moments, evaluation.values)

    def _slice_ends_us(self, arrivals: Arrivals) -> Moments:
        """Where the slice of each event ends, int64[n].

        An event that is older than what its user was already evaluated at goes into the slice
        that ends there: evaluations never go back in time.
        """
        before_us = self._profiles.table.cells(NEWEST).take_one(arrivals.touched)
        newest_us = arrivals.newest_us(before_us)
        evaluated_us = self._evaluated_us[np.searchsorted(self._rows, arrivals.touched)]
        ends_us = (newest_us // self._resolution_us + 1) * self._resolution_us
        return np.maximum(ends_us, evaluated_us[arrivals.group])


class _Slices:
    """A batch cut into slices by user and end, each user's taken off in their order."""

    def __init__(self, arrivals: Arrivals, ends_us: Moments, rows: Rows) -> None:
        first = np.ones(len(arrivals), np.bool_)
        first[1:] = (arrivals.group[1:] != arrivals.group[:-1]) | (ends_us[1:] != ends_us[:-1])
        self._arrivals = arrivals
        self._slice_of = np.cumsum(first) - 1
        # One slice more than there are, never due, for users who have come to their end.
        self._ends_us = np.append(ends_us[first], NEVER)
        self._end = len(self._ends_us) - 1
        users = np.searchsorted(rows, arrivals.touched)
        self._next = np.full(len(rows), self._end)
        self._next[users] = self._slice_of[arrivals.starts]
        self._last = np.full(len(rows), -1)
        self._last[users] = self._slice_of[arrivals.last]

    def next_us(self) -> Moments:
        """The end of each user's next slice, int64[rows]; NEVER where there is none."""
        ends_us: Moments = self._ends_us[self._next]
        return ends_us

    def take(self, users: Mask) -> Arrivals:
        """Take the next slice of these users off, bool[rows]."""
        wanted = np.zeros(len(self._ends_us), np.bool_)
        wanted[self._next[users]] = True
        following = np.where(self._next < self._last, self._next + 1, self._end)
        self._next = np.where(users, following, self._next)
        return self._arrivals.where(wanted[self._slice_of])


def _with_due(profiles: Profiles, arrivals: Arrivals | None, until_us: int) -> Rows:
    """The rows that a step may change, ascending: those that arrived and those that are due."""
    table = profiles.table
    rows = table.rows()
    due = rows[table.cells(DUE).take_one(rows) <= until_us]
    return due if arrivals is None else np.union1d(arrivals.touched, due)


def _forgotten(profiles: Profiles, rows: Rows, at_us: Moments) -> Forgotten:
    return Forgotten(rows, at_us, str(profiles.lifetime) if len(rows) else "")
