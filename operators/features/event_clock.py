"""The event clock: each user's time goes by the user's own events, and ends with the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.clocks import EvaluationRound, OwnTimes, Step
from operators.features.lifetime import NONE_FORGOTTEN, Forgotten
from operators.features.profile_layout import DUE, EVALUATED, NEWEST
from operators.features.profiles import Arrived, Profiles

_MOST: Final = 16_384  # evaluations in a step: they take memory until they are sent


class EventClock:
    """Users are evaluated at multiples of `resolution_us` of their own time.

    The events of a slice [k r, (k + 1) r) are evaluated together at its end; what time alone
    changes, at the first multiple at which it has changed. Both happen once an event of the user
    has passed them, or the run ends. So nothing shows in a user's evaluations but the user's own
    events in the order in which they arrive: no batch, lane, partition or other user. A user
    whose time is over at a moment is forgotten instead of evaluated.

    With `stops` everyone is evaluated before each slice, too, whatever is due. So at rest the last
    evaluation of a user, from which other rules may judge, has all that time has changed up to the
    slice that is open; and that is due at its end, by whatever rules.
    """

    def __init__(self, resolution_us: int, *, stops: bool = False) -> None:
        self._resolution_us = resolution_us
        self._stops = stops

    def steps(self, profiles: Profiles, arrived: Arrived) -> Iterator[Step]:
        """Bring users forward by a batch, each up to the newest of their own events.

        Who is to be evaluated anew goes with them, up to where they have been. The last step
        says who is forgotten; then all is written.
        """
        rows = np.union1d(arrived.rows, profiles.take_asked())
        reached_us = profiles.table.cells(EVALUATED).take_one(rows)
        own = np.searchsorted(rows, arrived.rows)
        reached_us[own] = arrived.reached_us // self._resolution_us * self._resolution_us
        profiles.journal.begin(rows)
        walk = _Walk(profiles, OwnTimes(rows, reached_us), self._resolution_us)
        return walk.steps(walk.rounds(arrived.arrivals, stops=self._stops))

    def end(self, profiles: Profiles, rows: Rows, as_of_us: int) -> Iterator[Step]:
        """Bring some users to the end of a run, and evaluate all who are left there."""
        profiles.journal.begin(rows)
        reached = OwnTimes(rows, np.full(len(rows), as_of_us))
        walk = _Walk(profiles, reached, self._resolution_us)
        return walk.steps(walk.last_rounds())


class _Walk:
    """Some users on their way through their slices and due moments, until they have `reached`.

    Users are independent: each goes through their own slices while all take a step together.
    """

    def __init__(self, profiles: Profiles, reached: OwnTimes, resolution_us: int) -> None:
        self._profiles = profiles
        self._reached_us = reached.until_us
        self._rows = reached.rows
        self._resolution_us = resolution_us
        self._due_us = profiles.table.cells(DUE).take_one(self._rows)
        self._evaluated_us = profiles.table.cells(EVALUATED).take_one(self._rows)
        self._forgotten_us = np.full(len(self._rows), NEVER)
        self._seen = np.zeros(len(self._rows), np.bool_)

    def steps(self, rounds: Iterator[EvaluationRound]) -> Iterator[Step]:
        """These rounds in steps of some evaluations each, the last with what all came to."""
        some: list[EvaluationRound] = []
        for round_ in rounds:
            some.append(round_)
            if sum(len(each.rows) for each in some) >= _MOST:
                yield Step(some, NONE_FORGOTTEN, self._on_the_way(some))
                some = []
        self._write()
        seen = self._seen
        yield Step(some, self._forgotten(), OwnTimes(self._rows[seen], self._reached_us[seen]))

    def rounds(self, arrivals: Arrivals, *, stops: bool = False) -> Iterator[EvaluationRound]:
        """Evaluate and add, step by step, until nothing is left that is due.

        With `stops` evaluate before each slice, too, whom time may have changed since.
        """
        ends_us = self._slice_ends_us(arrivals)
        slices = _Slices(arrivals, ends_us, self._rows) if len(arrivals) else None
        while True:
            next_us = slices.next_us() if slices else np.full(len(self._rows), NEVER)
            # A slice that ends at T holds no event before T - r: what is due by then, is due
            # before the slice.
            due = self._due_us <= np.minimum(self._reached_us, next_us - self._resolution_us)
            adding = ~due & (next_us != NEVER)
            evaluated = due & ~self._forget(due)
            if np.any(evaluated):
                yield self._evaluate(np.flatnonzero(evaluated))
            if stops and np.any(waiting := adding & self._behind(next_us - self._resolution_us)):
                self._due_us[waiting] = next_us[waiting] - self._resolution_us
                yield self._evaluate(np.flatnonzero(waiting))
            if slices and np.any(adding):
                self._profiles.add(slices.take(adding))
                self._due_us[adding] = next_us[adding]
            elif not np.any(evaluated):
                return

    def last_rounds(self) -> Iterator[EvaluationRound]:
        """Evaluate until nothing is left that is due, then everyone where they have come to."""
        while np.any(due := self._due_us <= self._reached_us):
            if np.any(evaluated := due & ~self._forget(due)):
                yield self._evaluate(np.flatnonzero(evaluated))
        left = np.flatnonzero(self._forgotten_us == NEVER)
        if len(left):
            self._due_us[left] = self._reached_us[left]
            yield self._evaluate(left)

    def _on_the_way(self, rounds: Sequence[EvaluationRound]) -> OwnTimes:
        """How far those have come who were evaluated last in these rounds."""
        rows = np.unique(np.concatenate([round_.rows for round_ in rounds]))
        return OwnTimes(rows, self._evaluated_us[np.searchsorted(self._rows, rows)])

    def _write(self) -> None:
        """Write back how far the users have come."""
        table = self._profiles.table
        table.cells(DUE).put_one(self._rows, self._due_us)
        table.cells(EVALUATED).put_one(self._rows, self._evaluated_us)

    def _forgotten(self) -> Forgotten:
        """Those whose time was over on the way."""
        gone = np.flatnonzero(self._forgotten_us != NEVER)
        return self._profiles.forgotten(self._rows[gone], self._forgotten_us[gone])

    def _forget(self, due: Mask) -> Mask:
        """Of those who are due, forget those whose time is over; they are due no more."""
        over = due & (self._due_us >= self._profiles.over_us(self._rows))
        self._forgotten_us[over] = self._due_us[over]
        self._due_us[over] = NEVER
        return over

    def _evaluate(self, at: Ints) -> EvaluationRound:
        rows, moments = self._rows[at], self._due_us[at]
        evaluation = self._profiles.evaluate(rows, moments)
        self._seen[at] = True
        self._evaluated_us[at] = moments
        change_us = evaluation.change_us
        up = -(-change_us // self._resolution_us) * self._resolution_us
        due_us = np.where(change_us == NEVER, NEVER, up)
        self._due_us[at] = np.minimum(due_us, self._profiles.over_us(rows))
        return EvaluationRound(rows, moments, evaluation.values)

    def _behind(self, now_us: Moments) -> Mask:
        """Who was evaluated with all their events, and not since; none who has an open slice."""
        newest_us = self._profiles.table.cells(NEWEST).take_one(self._rows)
        closed_us = (newest_us // self._resolution_us + 1) * self._resolution_us
        known = (newest_us >= 0) & (closed_us <= self._evaluated_us)
        behind: Mask = known & (self._evaluated_us < now_us)
        return behind

    def _slice_ends_us(self, arrivals: Arrivals) -> Moments:
        """Where the slice of each event ends, int64[n].

        That is where the slice of the user's newest one ends, or where the user was evaluated
        last if that is later: evaluations never go back in time.
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
