"""When users are evaluated: what a step of a clock comes to, and the wall clock.

A clock brings profiles forward by a batch and gives the evaluations that follow from it, as
rounds: in a round a user stands at most once, and rounds are in the order of each user's time.
It says, too, whose time is over: a user is due by then at the latest. The other clock, which
goes by the times of the events themselves, is in `event_clock`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.lifetime import Forgotten
from operators.features.profile_layout import DUE, EVALUATED
from operators.features.profiles import Profiles

# By the wall clock users are evaluated at full seconds: so long before a moment one has come.
WALL_LEAD_US: Final = 1_000_000

_NOBODY: Final[Rows] = np.zeros(0, np.int64)


@dataclass(frozen=True)
class EvaluationRound:
    """Some users, each once, with their features float64[features, n] at a moment each."""

    rows: Rows
    now_us: Moments
    values: Floats

    def where(self, kept: Mask) -> EvaluationRound:
        """Only some of the users, by a flag each."""
        if np.all(kept):
            return self
        return EvaluationRound(self.rows[kept], self.now_us[kept], self.values[:, kept])


@dataclass(frozen=True)
class OwnTimes:
    """How far some users, each once, ascending, have come by the event clock, int64[n]."""

    rows: Rows
    until_us: Moments


@dataclass(frozen=True)
class Step:
    """What a step of a clock comes to: evaluations, and users to be forgotten after theirs.

    `time` is now, for everyone, by the wall clock; by the event clock, how far those have come
    who were evaluated.
    """

    rounds: list[EvaluationRound]
    forgotten: Forgotten
    time: int | OwnTimes

    def __bool__(self) -> bool:
        return bool(self.rounds) or len(self.forgotten) > 0


class WallClock:
    """Users are evaluated now: those who just acted, and those whom time has changed.

    Who is due by time alone may be as before to rules, where it could not be worked out when they
    change; then that is no evaluation, and they are due again.
    """

    def step(
        self,
        profiles: Profiles,
        arrivals: Arrivals | None,
        now_us: int,
        others: Rows = _NOBODY,
    ) -> Step:
        """Bring the profiles forward by a batch, and evaluate at `now_us`, and `others` with it."""
        due = profiles.table.cells(DUE)
        touched = others if arrivals is None else np.union1d(arrivals.touched, others)
        rows = np.union1d(profiles.due(now_us), touched)
        profiles.journal.begin(rows)
        if arrivals is not None and len(arrivals):
            profiles.add(arrivals)
        over_us = profiles.over_us(rows)
        over = over_us <= now_us
        gone = np.flatnonzero(over)
        forgotten = profiles.forgotten(rows[gone], np.full(len(gone), now_us))
        rows = rows[~over]
        moments = np.full(len(rows), now_us)
        rounds = []
        if len(rows):
            evaluation = profiles.evaluate(rows, moments)
            all_ = EvaluationRound(rows, moments, evaluation.values)
            told = all_.where(_are_news(profiles, all_, touched))
            due.put_one(rows, np.minimum(evaluation.change_us, over_us[~over]))
            profiles.table.cells(EVALUATED).put_one(told.rows, told.now_us)
            rounds = [told] if len(told.rows) else []
        return Step(rounds, forgotten, now_us)


def _are_news(profiles: Profiles, found: EvaluationRound, touched: Rows) -> Mask:
    """Which evaluations are to be told, bool[n].

    All are of those who are `touched`, were asked for anew, or are not known to have been told.
    """
    table = profiles.table
    before_us = table.cells(EVALUATED).take_one(found.rows)
    asked = (before_us < 0) | (table.cells(DUE).take_one(found.rows) <= before_us)
    news: Mask = asked | np.isin(found.rows, touched)
    idle = ~news
    if np.any(idle):
        some = found.where(idle)
        news[idle] = profiles.told_apart(some.rows, before_us[idle], some.now_us, some.values)
    return news
