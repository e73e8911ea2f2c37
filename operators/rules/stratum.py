"""Judging the segments that need to know of each other nothing but what is judged before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask, Moments
from operators.base.frame import FeatureColumn, Frame
from operators.rules.circuit import Circuit, Evaluation
from operators.rules.crossing import CrossingClock, Crossings, GatedClock
from operators.rules.deadlines import Deadlines, Due, Timed
from operators.rules.groups import Group, by_group
from operators.rules.holdouts import Holdouts, JudgedUsers, Roll
from operators.rules.segment import Segment
from operators.rules.standing import NEVER_IN, entered_us, left_us


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
        self._dwells = Timed(segments, lambda x: x.min_dwell_us or None)
        self._cooldowns = Timed(segments, lambda x: x.cooldown_us or None)
        self._openings = Timed(segments, lambda x: x.opens.at_us if x.opens else None)
        self._closings = Timed(segments, lambda x: x.closes.at_us if x.closes else None)
        self._listing = _rows(segments, lambda x: bool(x.users))
        self._roll = Roll([segments[row].users for row in self._listing])
        self._holding = _rows(segments, lambda x: x.holdout > 0)
        holding = [segments[row] for row in self._holding]
        self._holdouts = Holdouts([x.name for x in holding], [x.holdout for x in holding])
        self._groups = _groups(segments, everyone)
        self._grouped = _rows(segments, lambda x: x.group is not None)
        # Once in, `when` no longer matters where there is a `leave_when`.
        always = Crossings.of((x.leave_when or x.entry for x in segments), columns)
        entry = [Crossings.of([x.entry], columns) for x in segments if x.leave_when is not None]
        self._clock = CrossingClock(always, step_us)
        self._entry_clock = GatedClock(entry, step_us)

    def judge(self, round_: Round) -> tuple[Evaluation, Moments]:
        """Judge these segments: the values of their circuit, and the next moment, int64[n], at
        which time alone may change something, `NEVER` if none can.
        """
        frame, due = round_.frame, Due(len(round_.frame))
        evaluation = self.circuit.evaluate(frame, round_.member)
        wanted = evaluation.truths.take(self._when, axis=0, out=round_.wanted[self.at])
        may_leave = round_.may_leave[self.at]
        np.logical_not(wanted, out=may_leave)
        may_leave[self._with_leave] = evaluation.truths[self._leave_when]
        inside = self._settle(round_, wanted, may_leave, due)
        round_.inside[self.at] = inside
        member = round_.member[self.at]
        member[:] = inside
        if len(self._holding):
            member[self._holding] &= ~self._holdouts.held_out(round_.users)
        due.all(self._clock.next_change_us(frame))
        due.all(self._entry_clock.next_change_us(frame, ~inside[self._with_leave]))
        return evaluation, due.at_us

    def _settle(self, round_: Round, wanted: Mask, may_leave: Mask, due: Due) -> Mask:
        """Who is inside, bool[segments, n].

        `may_leave` is changed: who is listed may not, and who is where only the dwell keeps
        them, although another segment of the group comes first, may.
        """
        was_inside = round_.was_inside[self.at]
        listed = self._roll.listed(round_.users) if len(self._listing) else None
        if listed is not None:
            wanted[self._listing] |= listed
            may_leave[self._listing] &= ~listed
        entering = wanted > may_leave
        if len(self._cooldowns.rows):
            cooling = self._cooling(round_, entering > was_inside)
            entering[cooling.rows, cooling.users] = False
            due.add(cooling)
        if listed is not None:
            entering[self._listing] |= listed
        staying = self._staying(round_, may_leave)
        inside = (was_inside > may_leave) | entering
        inside[staying.rows, staying.users] = True
        self._close(inside, round_.frame.now_us, due)
        if self._groups:
            locked = np.zeros_like(inside)
            locked[staying.rows, staying.users] = True
            for group in self._groups:
                may_leave[group.rows] |= group.decide(inside, locked, round_.inside)
        due.add(staying.within(may_leave).within(inside))
        return inside

    def _cooling(self, round_: Round, coming: Mask) -> Deadlines:
        """Who of those who come in from outside has left too short a time ago."""
        deadlines = self._cooldowns.deadlines(coming)
        if not len(deadlines):
            return deadlines
        standings = self._standings(round_, deadlines)
        back = standings < NEVER_IN
        return deadlines.only(back).after(left_us(standings[back])).later(round_.frame.now_us)

    def _staying(self, round_: Round, may_leave: Mask) -> Deadlines:
        """Who may leave, or may have to for a group, and has been in too short a time for it."""
        was_inside = round_.was_inside[self.at]
        concerned = was_inside & may_leave
        if self._groups:
            concerned[self._grouped] = was_inside[self._grouped]
        deadlines = self._dwells.deadlines(concerned)
        if not len(deadlines):
            return deadlines
        since_us = entered_us(self._standings(round_, deadlines))
        return deadlines.after(since_us).later(round_.frame.now_us)

    def _standings(self, round_: Round, deadlines: Deadlines) -> Moments:
        standings: Moments = round_.standings[deadlines.users, self.at.start + deadlines.rows]
        return standings

    def _close(self, inside: Mask, now_us: Moments, due: Due) -> None:
        """Send everyone out of the segments that are not open now."""
        if len(self._openings.rows):
            early = self._openings.deadlines(inside).later(now_us)
            inside[early.rows, early.users] = False
            due.add(early)
        if len(self._closings.rows):
            in_time = self._closings.deadlines(inside).later(now_us)
            inside[self._closings.rows] = False
            inside[in_time.rows, in_time.users] = True
            due.add(in_time)


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
