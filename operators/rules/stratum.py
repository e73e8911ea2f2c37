"""Judging the segments that need to know of each other nothing but what is judged before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask, Moments
from operators.base.frame import FeatureColumn, Frame
from operators.rules.circuit import Circuit, Evaluation
from operators.rules.crossing import CrossingClock, Crossings, GatedClock, computed_with_ages
from operators.rules.deadlines import Due
from operators.rules.holdouts import Holdouts, JudgedUsers, Roll
from operators.rules.segment import Segment
from operators.rules.settling import Settling, Stood, Wishes
from operators.rules.tree import atoms


@dataclass(frozen=True)
class Round:
    """What n users are judged by, and what comes of it.

    `standings` is int64[n, s], how they stood to all segments before (see `standing`), and
    `was_inside` bool[s, n]. Each stratum fills in its rows of the others, bool[s, n]: `inside`
    (in or held out), `member`, `wanted` (who fits `when` or is listed), and `may_leave`: who
    would leave, were it not too early.
    """

    frame: Frame
    users: JudgedUsers
    standings: Moments
    was_inside: Mask
    inside: Mask
    member: Mask
    wanted: Mask
    may_leave: Mask


class Stratum:
    """Some neighbouring segments of a rulebook, ready to be judged together.

    Args:
        segments: they themselves, none of them paused.
        first: the index of the first among all segments.
        everyone: all segments, in order.
        columns: the features.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        first: int,
        everyone: Sequence[Segment],
        columns: Mapping[str, FeatureColumn],
    ) -> None:
        self.at = slice(first, first + len(segments))
        conditions = [condition for segment in segments for condition in segment.conditions()]
        self.circuit = Circuit(conditions, [segment.name for segment in everyone])
        literals = self.circuit.literals
        leaving = [x.leave_when for x in segments if x.leave_when is not None]
        self._when = np.array([literals[x.entry] for x in segments], np.intp)
        self._leave_when = np.array([literals[x] for x in leaving], np.intp)
        self._with_leave = _rows(segments, lambda x: x.leave_when is not None)
        self._listing = _rows(segments, lambda x: bool(x.users))
        self._roll = Roll([segments[row].users for row in self._listing])
        self._holding = _rows(segments, lambda x: x.holdout > 0)
        holding = [segments[row] for row in self._holding]
        self._holdouts = Holdouts([x.name for x in holding], [x.holdout for x in holding])
        self.settled = _rows(segments, Settling.concerns)  # by more than whether a user fits
        settled = [segments[row] for row in self.settled]
        self.settling = Settling(settled, everyone)
        found = (atom for x in settled for c in x.conditions() for atom in atoms(c))
        self.settled_by_steps = bool(computed_with_ages(found))
        # Once in, `when` no longer matters where there is a `leave_when`.
        always = Crossings.of((x.leave_when or x.entry for x in segments), columns)
        entry = [Crossings.of([x.entry], columns) for x in segments if x.leave_when is not None]
        self._clock = CrossingClock(always)
        self._entry_clock = GatedClock(entry)

    def judge(self, round_: Round) -> tuple[Evaluation, Moments]:
        """Judge these segments: the values of their circuit, and the next moment, int64[n], at
        which time alone may change something, `NEVER` if none can; but for steps of ages.
        """
        frame, due = round_.frame, Due(len(round_.frame))
        evaluation = self.circuit.evaluate(frame, round_.member)
        wanted, wishes = self.wishes(evaluation, self.listed(round_.users))
        inside = self.kept(wishes, round_.was_inside[self.at])
        if len(rows := self.settled):
            own, everywhere = wishes.of(rows), round_.was_inside
            standings = round_.standings.T[self.at][rows]
            stood = Stood(standings, everywhere[self.at][rows], everywhere)
            inside[rows] = self.settling.inside(own, stood, frame.now_us, due)
            wishes.may_leave[rows] = own.may_leave
        round_.wanted[self.at], round_.may_leave[self.at] = wanted, wishes.may_leave
        round_.inside[self.at] = inside
        round_.member[self.at] = self.members(inside, self.held_out(round_.users))
        due.all(self._clock.next_change_us(frame))
        due.all(self._entry_clock.next_change_us(frame, ~inside[self._with_leave]))
        return evaluation, due.at_us

    def next_change_us(self, frame: Frame) -> Moments:
        """When time alone next changes any condition, as of `judge`, wherever users stand."""
        anyone = np.ones((len(self._with_leave), len(frame)), np.bool_)
        entry_us = self._entry_clock.next_change_us(frame, anyone)
        next_us: Moments = np.minimum(self._clock.next_change_us(frame), entry_us)
        return next_us

    def wishes(self, evaluation: Evaluation, listed: Mask | None) -> tuple[Mask, Wishes]:
        """Who is wanted inside, bool[segments, n], and what would come of it."""
        wanted: Mask = evaluation.truths[self._when]
        may_leave = ~wanted
        may_leave[self._with_leave] = evaluation.truths[self._leave_when]
        if listed is not None:
            wanted |= listed
            may_leave &= ~listed
        return wanted, Wishes(wanted > may_leave, may_leave, listed)

    @staticmethod
    def kept(wishes: Wishes, was_inside: Mask) -> Mask:
        """Who is inside where nothing else decides, bool[segments, n]."""
        inside: Mask = (was_inside > wishes.may_leave) | wishes.entering
        return inside

    @staticmethod
    def decided(wishes: Wishes) -> Mask:
        """Whose being inside does not depend on whether they were, bool[segments, n]."""
        decided: Mask = wishes.entering | wishes.may_leave
        return decided

    def listed(self, users: JudgedUsers) -> Mask | None:
        """Who is listed as a member, bool[segments, n]; None where no segment lists anyone."""
        if not len(self._listing):
            return None
        listed = np.zeros((len(self._when), len(users.rows)), np.bool_)
        listed[self._listing] = self._roll.listed(users)
        return listed

    def held_out(self, users: JudgedUsers) -> Mask | None:
        """Who is held out of the segments that hold users out, bool[those, n]; None: of none."""
        return self._holdouts.held_out(users) if len(self._holding) else None

    def members(self, inside: Mask, held_out: Mask | None) -> Mask:
        """Who counts as a member of those inside, bool[segments, n]."""
        if held_out is None:
            return inside
        member = inside.copy()
        member[self._holding] &= ~held_out
        return member


def _rows(segments: Sequence[Segment], has: Callable[[Segment], bool]) -> NDArray[np.intp]:
    return np.flatnonzero(np.fromiter(map(has, segments), bool))
