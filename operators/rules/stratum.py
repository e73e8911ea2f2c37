"""Judging the segments that need to know of each other nothing but what is judged before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.frame import FeatureColumn, Frame, Moments
from operators.rules.cells import Bools
from operators.rules.circuit import Circuit, Evaluation
from operators.rules.crossing import NEVER, Clock, Crossings, GatedClock
from operators.rules.crowd import Crowd, Holdouts, Roll
from operators.rules.groups import Group, by_group
from operators.rules.segment import Segment
from operators.rules.standing import NEVER_IN, entered_us, left_us


@dataclass(frozen=True)
class Round:
    """What n users are judged by, and what comes of it.

    `words` is int64[n, s], how they stood to all segments before (see `standing`), and
    `was_inside` bool[s, n]. Each stratum fills in its rows of the others, bool[s, n]: `inside`
    (in or held out), `member`, and `may_leave`: who would leave, were it not too early.
    """

    frame: Frame
    crowd: Crowd
    words: Moments
    was_inside: Bools
    inside: Bools
    member: Bools
    may_leave: Bools


class Stratum:
    """Some neighbouring segments of a rulebook, ready to be judged together.

    Args:
        segments: they themselves, none of them paused.
        first: the index of the first among all segments.
        everyone: all segments, in order.
        columns: the features.
        step_us: how often ages count that are computed with.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        first: int,
        everyone: Sequence[Segment],
        columns: Mapping[str, FeatureColumn],
        step_us: int,
    ) -> None:
        self.at = slice(first, first + len(segments))
        conditions = [condition for segment in segments for condition in segment.conditions()]
        self.circuit = Circuit(conditions, [segment.name for segment in everyone])
        literals = self.circuit.literals
        leaving = [x.leave_when for x in segments if x.leave_when is not None]
        self._when = np.array([literals[x.entry] for x in segments], np.intp)
        self._leave_when = np.array([literals[x] for x in leaving], np.intp)
        self._with_leave = _rows(segments, lambda x: x.leave_when is not None)
        self._dwells = _Timed.of(segments, lambda x: x.min_dwell_us or None)
        self._cooldowns = _Timed.of(segments, lambda x: x.cooldown_us or None)
        self._openings = _Timed.of(segments, lambda x: x.opens and x.opens.at_us)
        self._closings = _Timed.of(segments, lambda x: x.closes and x.closes.at_us)
        self._listing = _rows(segments, lambda x: bool(x.users))
        self._roll = Roll([x.users for x in segments if x.users])
        self._holding = _rows(segments, lambda x: x.holdout > 0)
        holding = [segments[row] for row in self._holding]
        self._holdouts = Holdouts([x.name for x in holding], [x.holdout for x in holding])
        self._groups = _groups(segments, everyone)
        # Once in, `when` no longer matters where there is a `leave_when`.
        always = Crossings.of((x.leave_when or x.entry for x in segments), columns)
        entry = [Crossings.of([x.entry], columns) for x in segments if x.leave_when is not None]
        self._clock = Clock(always, step_us)
        self._entry_clock = GatedClock(entry, step_us)

    def judge(self, round_: Round) -> tuple[Evaluation, Moments]:
        """Judge these segments: the values of their circuit, and the next moment, int64[n], at
        which time alone may change something, `NEVER` if none can.
        """
        evaluation = self.circuit.evaluate(round_.frame, round_.member)
        wanted = evaluation.truths[self._when]
        may_leave = round_.may_leave[self.at]
        np.logical_not(wanted, out=may_leave)
        may_leave[self._with_leave] = evaluation.truths[self._leave_when]
        due = _Due(round_.frame)
        inside = self._settle(round_, wanted, may_leave, due)
        round_.inside[self.at] = round_.member[self.at] = inside
        if len(self._holding):
            counted = inside[self._holding] & ~self._holdouts.held_out(round_.crowd)
            round_.member[self.at][self._holding] = counted
        outside = ~inside[self._with_leave]
        due.moments(self._clock.next_change_us(round_.frame))
        due.moments(self._entry_clock.next_change_us(round_.frame, outside))
        return evaluation, due.at_us

    def _settle(self, round_: Round, wanted: Bools, may_leave: Bools, due: _Due) -> Bools:
        """Who is inside, bool[segments, n].

        Whoever is listed is made to want in and not to leave; whom the group would put elsewhere
        but for the dwell, to leave.
        """
        now_us, was_inside = round_.frame.now_us, round_.was_inside[self.at]
        words = round_.words[:, self.at].T
        listed = self._roll.listed(round_.crowd) if len(self._listing) else None
        if listed is not None:
            may_leave[self._listing] &= ~listed
        entering = wanted > may_leave
        if len(rows := self._cooldowns.rows):
            back_us = left_us(words[rows]) + self._cooldowns.us
            cooling = (words[rows] < NEVER_IN) & (back_us > now_us) & entering[rows]
            entering[rows] &= ~cooling
            due.add(back_us, cooling)
        if listed is not None:
            entering[self._listing] |= listed
        stay_us = entered_us(words[self._dwells.rows]) + self._dwells.us
        locked = was_inside[self._dwells.rows] & (stay_us > now_us)
        leaving = may_leave.copy()
        leaving[self._dwells.rows] &= ~locked
        inside = (was_inside > leaving) | entering
        self._close(inside, now_us, due)
        if self._groups:
            all_locked = np.zeros_like(inside)
            all_locked[self._dwells.rows] = locked
            for group in self._groups:
                may_leave[group.rows] |= group.decide(inside, all_locked, round_.inside)
        due.add(stay_us, locked & may_leave[self._dwells.rows] & inside[self._dwells.rows])
        return inside

    def _close(self, inside: Bools, now_us: Moments, due: _Due) -> None:
        """Send everyone out of the segments that are not open now."""
        if len(rows := self._openings.rows):
            early = inside[rows] & (self._openings.us > now_us)
            inside[rows] &= ~early
            due.add(self._openings.us, early)
        if len(rows := self._closings.rows):
            inside[rows] &= self._closings.us > now_us
            due.add(self._closings.us, inside[rows])


class _Due:
    """The earliest of several moments for each user of a frame, int64[n]; `NEVER` if none."""

    def __init__(self, frame: Frame) -> None:
        self.at_us: Moments = np.full(len(frame), NEVER)

    def moments(self, at_us: Moments) -> None:
        """Add a moment for each user."""
        np.minimum(self.at_us, at_us, out=self.at_us)

    def add(self, at_us: Moments, where: Bools) -> None:
        """Add moments of several segments for those users for whom they matter, bool[k, n]."""
        if len(where):
            self.moments(np.where(where, at_us, NEVER).min(axis=0))


@dataclass(frozen=True)
class _Timed:
    """The rows of the segments that have a length of time or a date, and these, int64[k, 1]."""

    rows: NDArray[np.intp]
    us: Moments

    @classmethod
    def of(cls, segments: Sequence[Segment], read: Callable[[Segment], int | None]) -> _Timed:
        found = [(row, us) for row, us in enumerate(map(read, segments)) if us is not None]
        rows = np.array([row for row, _ in found], np.intp)
        return cls(rows, np.array([us for _, us in found], np.int64).reshape(-1, 1))


def _rows(segments: Sequence[Segment], has: Callable[[Segment], bool]) -> NDArray[np.intp]:
    return np.flatnonzero(np.fromiter(map(has, segments), bool))


def _groups(segments: Sequence[Segment], everyone: Sequence[Segment]) -> list[Group]:
    """The groups among these segments that have anything to decide."""
    found = []
    for name, members in by_group(segments).items():
        paused = [at for at, x in enumerate(everyone) if x.paused and x.group == name]
        first_come = sorted(members, key=lambda x: -x.priority)
        rows = [segments.index(x) for x in first_come]
        if len(rows) + len(paused) > 1:
            found.append(Group(np.array(rows, np.intp), np.array(paused, np.intp)))
    return found
