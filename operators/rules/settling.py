"""Who is in some segments, where more decides than whether a user fits: lengths of time, dates,
groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask, Moments
from operators.rules.deadlines import Deadlines, Due, Timed
from operators.rules.groups import Group, by_group
from operators.rules.segment import Segment
from operators.rules.standing import NEVER_IN, entered_us, left_us


@dataclass(frozen=True)
class Wishes:
    """What n users would do by the conditions of some segments, bool[segments, n].

    Who is out would come in where `entering`, and who is in would go where `may_leave`; never
    both. Of who is `listed` nothing keeps out but dates and groups; None if nobody is.
    """

    entering: Mask
    may_leave: Mask
    listed: Mask | None

    def of(self, segments: NDArray[np.intp]) -> Wishes:
        """Those of some of the segments."""
        listed = None if self.listed is None else self.listed[segments]
        return Wishes(self.entering[segments], self.may_leave[segments], listed)

    def at(self, users: NDArray[np.intp]) -> Wishes:
        """Those of some of the users."""
        listed = None if self.listed is None else self.listed[:, users]
        return Wishes(self.entering[:, users], self.may_leave[:, users], listed)


@dataclass(frozen=True)
class Stood:
    """How n users stood to some segments before: int64[segments, n], see `standing`, and
    bool[segments, n]. `everywhere` is bool[all segments, n]: who was inside of any.
    """

    standings: Moments
    inside: Mask
    everywhere: Mask


class Settling:
    """Some segments, each with a shortest stay, a cool-down, a date or a group.

    Args:
        segments: they themselves; a group is among them with all its members that are not paused.
        everyone: all segments, in order.
    """

    def __init__(self, segments: Sequence[Segment], everyone: Sequence[Segment]) -> None:
        self._dwells = Timed(segments, lambda x: x.min_dwell_us or None)
        self._cooldowns = Timed(segments, lambda x: x.cooldown_us or None)
        self._openings = Timed(segments, lambda x: x.opens.at_us if x.opens else None)
        self._closings = Timed(segments, lambda x: x.closes.at_us if x.closes else None)
        self._groups = _groups(segments, everyone)
        self._grouped = np.flatnonzero([x.group is not None for x in segments])

    @staticmethod
    def concerns(segment: Segment) -> bool:
        """Whether more decides of a segment than whether a user fits."""
        lengths = segment.min_dwell_us or segment.cooldown_us
        return bool(lengths or segment.opens or segment.closes or segment.group is not None)

    def inside(self, wishes: Wishes, stood: Stood, now_us: Moments, due: Due) -> Mask:
        """Who is inside at a moment each, bool[segments, n]; `due` gets to know what waits.

        `wishes` are changed: who waits to come in does not enter, and who is where only the
        shortest stay keeps them, although another segment of the group comes first, may leave.
        """
        entering, may_leave = wishes.entering, wishes.may_leave
        if len(self._cooldowns.rows):
            cooling = self._cooling(entering > stood.inside, stood, now_us)
            entering[cooling.rows, cooling.users] = False
            due.add(cooling)
        if wishes.listed is not None:
            entering |= wishes.listed
        staying = self._staying(may_leave, stood, now_us)
        inside = (stood.inside > may_leave) | entering
        inside[staying.rows, staying.users] = True
        self._close(inside, now_us, due)
        if self._groups:
            locked = np.zeros_like(inside)
            locked[staying.rows, staying.users] = True
            for group in self._groups:
                may_leave[group.rows] |= group.decide(inside, locked, stood.everywhere)
        due.add(staying.within(may_leave).within(inside))
        return inside

    def _cooling(self, coming: Mask, stood: Stood, now_us: Moments) -> Deadlines:
        """Who of those who come in from outside has left too short a time ago."""
        deadlines = self._cooldowns.deadlines(coming)
        if not len(deadlines):
            return deadlines
        standings = stood.standings[deadlines.rows, deadlines.users]
        back = standings < NEVER_IN
        return deadlines.only(back).after(left_us(standings[back])).later(now_us)

    def _staying(self, may_leave: Mask, stood: Stood, now_us: Moments) -> Deadlines:
        """Who may leave, or may have to for a group, and has been in too short a time for it."""
        concerned = stood.inside & may_leave
        if self._groups:
            concerned[self._grouped] = stood.inside[self._grouped]
        deadlines = self._dwells.deadlines(concerned)
        if not len(deadlines):
            return deadlines
        since_us = entered_us(stood.standings[deadlines.rows, deadlines.users])
        return deadlines.after(since_us).later(now_us)

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
