"""Judging a course of looks by a stratum: arrays over all looks, but for what waits for moments.

Where nothing but fitting decides, whether a user is inside follows from the newest look at which
that was decided, whatever was before. Where lengths of time, dates or groups decide, users are
followed from one look to the next at which they fit otherwise, or at which a deadline is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from operators.base.arrays import NEVER, Ints, Mask, Moments
from operators.rules.circuit import Evaluation
from operators.rules.course import Course, Inserted
from operators.rules.deadlines import Due
from operators.rules.settling import Settling, Stood, Wishes
from operators.rules.standing import standing
from operators.rules.stratum import Stratum

# What users wish for at some looks, at other moments than those of the looks.
Anew = Callable[[Ints, Moments], Wishes]


def follow(stratum: Stratum, course: Course) -> None:
    """Judge the segments of a stratum at every look, and at deadlines between them."""
    listed = stratum.listed(course.people)
    evaluation = stratum.circuit.evaluate(course.frame, course.member)
    wanted, wishes = stratum.wishes(evaluation, _spread(listed, course))
    steps = None
    if len(rows := stratum.settled):

        def anew(looks: Ints, now_us: Moments) -> Wishes:
            frame, member = course.frame.at(looks, now_us), course.member[:, looks]
            found = stratum.circuit.evaluate(frame, member)
            own = None if listed is None else listed[:, course.runs.of[looks]]
            return stratum.wishes(found, own)[1].of(rows)

        stood = Stood(
            course.standings.T[stratum.at][rows],
            course.was_inside[stratum.at][rows],
            course.was_inside,
        )
        walk = _Walk(stratum.settling, course, wishes.of(rows), stood)
        steps = walk.steps(anew if stratum.settled_by_steps else None)
        if (more := steps.inserted) is not None:
            course.insert(more)
            evaluation = _with(evaluation.at(more.source), more.new, stratum, course)
            wanted, wishes = stratum.wishes(evaluation, _spread(listed, course))
    inside = _latched(stratum, wishes, course)
    if steps is not None:
        inside[rows], wishes.may_leave[rows] = steps.inside, steps.may_leave
    held_out = stratum.held_out(course.people)
    course.wanted[stratum.at], course.may_leave[stratum.at] = wanted, wishes.may_leave
    course.inside[stratum.at] = inside
    course.member[stratum.at] = stratum.members(inside, _spread(held_out, course))
    course.evaluations.append(evaluation)


def _spread(of_users: Mask | None, course: Course) -> Mask | None:
    """What holds for users, at their looks."""
    return None if of_users is None else of_users[:, course.runs.of]


def _with(evaluation: Evaluation, new: Mask, stratum: Stratum, course: Course) -> Evaluation:
    """An evaluation, anew where looks are new."""
    at = np.flatnonzero(new)
    found = stratum.circuit.evaluate(course.frame.at(at), course.member[:, at])
    evaluation.truths[:, at], evaluation.numbers[:, at] = found.truths, found.numbers
    return Evaluation(course.frame, evaluation.truths, evaluation.numbers, evaluation.rows)


def _latched(stratum: Stratum, wishes: Wishes, course: Course) -> Mask:
    """Who is inside by fitting alone, bool[segments, n]."""
    first = course.runs.first
    inside = wishes.entering.copy()
    begun = course.was_inside[stratum.at]
    inside[:, first] |= begun > wishes.may_leave[:, first]
    if not first.all():
        latest = course.runs.latest(stratum.decided(wishes) | first)
        inside = np.take_along_axis(inside, latest, axis=1)
    return inside


@dataclass(frozen=True)
class _Steps:
    """Where users were judged one by one: bool[segments, n] at all looks, the new among them."""

    inside: Mask
    may_leave: Mask
    inserted: Inserted | None


@dataclass(frozen=True)
class _Step:
    """Some users a step further: by the wishes of which look, when, and if between looks."""

    looks: Ints
    now_us: Moments
    between: Mask
    inside: Mask
    may_leave: Mask


class _Walk:
    """Users on their way from look to look, all a step at a time, each at a moment of its own."""

    def __init__(self, settling: Settling, course: Course, wishes: Wishes, stood: Stood) -> None:
        self._settling, self._course, self._wishes = settling, course, wishes
        self._standings, self._inside = stood.standings.copy(), stood.inside.copy()
        self._everywhere = stood.everywhere
        self._due_us: Moments = np.full(len(course.people.rows), NEVER)

    def steps(self, anew: Anew | None) -> _Steps:
        """Go through all looks at which wishes change, and all deadlines.

        `anew` is given where wishes change between looks, too.
        """
        steps = self._go(anew)
        np.minimum(self._course.due_us, self._due_us, out=self._course.due_us)
        return self._laid_out(_joined(steps))

    def _go(self, anew: Anew | None) -> list[_Step]:
        course = self._course
        taken: list[_Step] = []
        moments = np.append(course.frame.now_us, NEVER)
        following = self._following(anew is not None)
        users = np.arange(len(course.people.rows))
        ends, at, current = course.runs.ends, course.runs.starts.copy(), course.runs.starts.copy()
        while True:
            there = at[users] < ends[users]
            next_us = np.where(there, moments[at[users]], course.until_us[users])
            between = self._due_us[users] < next_us
            going = between | there
            users, between = users[going], between[going]
            if not len(users):
                return taken
            looks = np.where(between, current[users], at[users])
            now_us = np.where(between, self._due_us[users], moments[looks])
            wishes = self._wishes.at(looks)
            if anew is not None and between.any():
                wishes = anew(looks, now_us)
            taken.append(self._step(users, looks, now_us, between, wishes))
            current[users] = looks
            at[users] = np.where(between, at[users], following[looks + 1])

    def _step(
        self, users: Ints, looks: Ints, now_us: Moments, between: Mask, wishes: Wishes
    ) -> _Step:
        due, was_inside = Due(len(users)), self._inside[:, users]
        standings = self._standings[:, users]
        stood = Stood(standings, was_inside, self._everywhere[:, users])
        inside = self._settling.inside(wishes, stood, now_us, due)
        since = standing(inside, np.zeros_like(inside), now_us)
        self._standings[:, users] = np.where(inside != was_inside, since, standings)
        self._inside[:, users] = inside
        self._due_us[users] = due.rounded_up(self._course.resolution_us)
        return _Step(looks, now_us, between, inside, wishes.may_leave)

    def _following(self, every: bool) -> Ints:
        """From each look on the first at which wishes differ from those before, int64[n + 1]."""
        runs, wishes = self._course.runs, self._wishes
        differs = runs.first.copy()
        for flags in (wishes.entering, wishes.may_leave):
            differs[1:] |= (flags[:, 1:] != flags[:, :-1]).any(axis=0)
        count = len(differs)
        at = np.where(differs | every, np.arange(count), count)
        return np.append(np.minimum.accumulate(at[::-1])[::-1], count)

    def _laid_out(self, step: _Step) -> _Steps:
        """What was found on the way, at all looks and at those that came between them."""
        moments = self._course.frame.now_us
        looks = self._newest(step)
        new = step.between & (moments[looks] != step.now_us)
        source = np.concatenate([np.arange(len(moments)), looks[new]])
        now_us = np.concatenate([moments, step.now_us[new]])
        order = np.lexsort((now_us, source))
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        where = places[looks]
        where[new] = places[len(moments) :]
        found = np.full(len(order), -1)
        found[where] = np.arange(len(where))
        taken = found[np.maximum.accumulate(np.where(found >= 0, np.arange(len(found)), 0))]
        inserted = None
        if np.any(new):
            inserted = Inserted(source[order], order >= len(moments), now_us[order])
        return _Steps(step.inside[:, taken], step.may_leave[:, taken], inserted)

    def _newest(self, step: _Step) -> Ints:
        """The newest look of the user at each step, by halving."""
        moments, runs = self._course.frame.now_us, self._course.runs
        low = step.looks.copy()
        high = np.where(step.between, runs.ends[runs.of[low]] - 1, low)
        while np.any(low < high):
            middle = (low + high + 1) // 2
            reached = moments[middle] <= step.now_us
            low, high = np.where(reached, middle, low), np.where(reached, high, middle - 1)
        return low


def _joined(steps: Sequence[_Step]) -> _Step:
    return _Step(
        np.concatenate([each.looks for each in steps]),
        np.concatenate([each.now_us for each in steps]),
        np.concatenate([each.between for each in steps]),
        np.concatenate([each.inside for each in steps], axis=1),
        np.concatenate([each.may_leave for each in steps], axis=1),
    )
