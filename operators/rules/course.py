"""Looks at users in the order of each one's time, and what is found at them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from operators.base.arrays import NEVER, Ints, Mask, Moments
from operators.base.frame import Frame
from operators.base.runs import Runs, begins
from operators.rules import standing
from operators.rules.circuit import Evaluation
from operators.rules.holdouts import JudgedUsers
from operators.rules.stratum import Round


@dataclass(frozen=True)
class Inserted:
    """Looks between others: of each of all looks now the one before it, and which are new."""

    source: Ints
    new: Mask
    now_us: Moments


class Course:
    """n looks at u users, those at one user side by side, judged by one stratum after another.

    `frame` has the looks and `runs` the users of them. Flags are bool[s, n]: what strata find at
    each look. `look` says of each what it was of the looks that were asked for, as deadlines
    bring more; those are in no other order. `due_us`, int64[u], is the next deadline of each.

    Args:
        frame: the looks that are asked for.
        runs: the users of them.
        people: the users.
        standings: int64[u, s], how they stand to all segments before.
        until_us: int64[u], from when on their looks are others' business.
        resolution_us: deadlines are looked at at its multiples.
    """

    def __init__(
        self,
        frame: Frame,
        runs: Runs,
        people: JudgedUsers,
        standings: Moments,
        until_us: Moments,
        resolution_us: int,
    ) -> None:
        self.frame, self.runs, self.people = frame, runs, people
        self.standings, self.until_us, self.resolution_us = standings, until_us, resolution_us
        self.look: Ints = np.arange(len(frame))
        self.due_us: Moments = np.full(len(people.rows), NEVER)
        self.was_inside: Mask = np.ascontiguousarray(standing.inside(standings).T)
        held_out = standing.held_out(standings)
        self.was_member = self.was_inside if held_out is None else self.was_inside & ~held_out.T
        self.inside: Mask = self.was_inside[:, runs.of]
        self.member: Mask = self.was_member[:, runs.of]
        self.wanted: Mask = np.zeros_like(self.inside)
        self.may_leave: Mask = np.zeros_like(self.inside)
        self.evaluations: list[Evaluation] = []

    def insert(self, more: Inserted) -> None:
        """Take looks between others, at which everything judged is as at the one before."""
        source = more.source
        self.frame = replace(self.frame, values=self.frame.values[:, source], now_us=more.now_us)
        self.runs, self.look = Runs(self.runs.of[source]), self.look[source]
        self.inside, self.member = self.inside[:, source], self.member[:, source]
        self.wanted, self.may_leave = self.wanted[:, source], self.may_leave[:, source]
        self.evaluations = [each.at(source) for each in self.evaluations]

    def outcome(self, told: Mask) -> Followed:
        """What all came to; of the looks that were asked for, `told` are to be told anyway."""
        before = self.runs.before(self.inside, self.was_inside)
        was_member = self.runs.before(self.member, self.was_member)
        changed = (self.inside != before) | (self.member != was_member)
        asked = begins(self.look) & told[self.look]
        at = np.flatnonzero(changed.any(axis=0) | asked)
        latest = self.runs.latest(changed)
        ends = self.runs.ends - 1
        previous = np.where(self.runs.first[at], -1, latest[:, at - 1])
        round_ = Round(
            frame=self.frame.at(at),
            users=replace(self.people, rows=self.people.rows[self.runs.of[at]]),
            standings=self._standings(at, previous),
            was_inside=before[:, at],
            inside=self.inside[:, at],
            member=self.member[:, at],
            wanted=self.wanted[:, at],
            may_leave=self.may_leave[:, at],
        )
        return Followed(
            at=at,
            round=round_,
            was_member=was_member[:, at],
            evaluations=[each.at(at) for each in self.evaluations],
            standings=self._standings(at, latest[:, at]),
            last=self._standings(ends, latest[:, ends]),
        )

    def _standings(self, at: Ints, latest: Ints) -> Moments:
        """How users stand at m looks, int64[m, s], since the latest changes, int64[s, m]."""
        segments = np.arange(len(self.inside)).reshape(-1, 1)
        inside, member = self.inside[segments, latest], self.member[segments, latest]
        since = standing.standing(inside, inside & ~member, self.frame.now_us[latest])
        users = self.runs.of[at]
        return np.where(latest < 0, self.standings[users].T, since).T


@dataclass(frozen=True)
class Followed:
    """What is to be told of a course: the m looks at which something changed, or that were asked.

    `at` are their positions among all. `round`, `was_member` and `evaluations` are as if these
    alone had been judged; `standings` is int64[m, s], how their users stand then, and `last`
    int64[u, s], how all users stand in the end.
    """

    at: Ints
    round: Round
    was_member: Mask
    evaluations: list[Evaluation]
    standings: Moments
    last: Moments
