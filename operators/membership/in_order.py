"""Judging by the event clock: all looks at the users of a message, as arrays over looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.frame import Frame
from operators.base.runs import Runs, begins
from operators.features.clocks import EvaluationRound, OwnTimes
from operators.features.lifetime import Forgotten
from operators.membership.clusterings import Models, Placed
from operators.membership.criteria import Criteria
from operators.membership.last_values import LastValues
from operators.membership.looks import Agenda, KnownUsers
from operators.membership.member_layout import CLUSTERS, CLUSTERS_SINCE, DUE, JUDGED, STANDING
from operators.membership.verdicts import Verdicts, note_told, outdated, stood
from operators.outcomes.attribution import UserStandings
from operators.pages.table import UserTable
from operators.rules.course import Course
from operators.rules.holdouts import JudgedUsers

_LOOKS: Final = 8_192  # at a time: what they are judged by takes memory


class InOrder:
    """The users of a table, each brought forward from look to look."""

    def __init__(self, criteria: Criteria, table: UserTable, last: LastValues) -> None:
        self._criteria, self._table, self._last = criteria, table, last

    def judge(
        self,
        rows: Rows,
        rounds: Sequence[EvaluationRound],
        models: Models,
        time: OwnTimes,
        forgotten: Forgotten,
    ) -> Iterator[Verdicts]:
        """Judge users at each evaluation, and whenever they are due, until the ends of `time`.

        `rows` has all whom this concerns, each once, ascending.
        """
        due, judged = self._table.cells(DUE), self._table.cells(JUDGED)
        ends_us = np.zeros(len(rows), np.int64)
        ends_us[np.searchsorted(rows, time.rows)] = time.until_us + 1
        ends_us[np.searchsorted(rows, forgotten.rows)] = forgotten.at_us
        known = KnownUsers(
            judged.take_one(rows),
            due.take_one(rows),
            lambda some: self._last.take(self._table, rows[some]),
        )
        agenda = Agenda(rounds, rows, known, ends_us, self._clocks)
        deadlines_us = np.full(len(rows), NEVER)
        for looks in agenda.looks(_LOOKS):
            own, of = np.unique(looks.users, return_inverse=True)
            runs = Runs(of)
            users = _Looked(rows[own], runs, looks.until_us[runs.ends - 1])
            frame = self._frame(agenda.values[:, looks.columns], looks.now_us)
            deadlines_us[own], verdicts = self._follow(users, frame, looks.placed, models)
            yield verdicts
        newest = np.flatnonzero(agenda.newest >= 0)
        self._last.put(self._table, rows[newest], agenda.values[:, agenda.newest[newest]])
        due.put_one(rows, np.minimum(agenda.due_us, deadlines_us))
        judged.put_one(time.rows, np.maximum(judged.take_one(time.rows), time.until_us))

    def _follow(
        self, looked: _Looked, frame: Frame, placed: Mask, models: Models
    ) -> tuple[Moments, Verdicts]:
        """Judge users at looks: when a deadline of each is next, and what is to be told."""
        table, criteria, rows, runs = self._table, self._criteria, looked.rows, looked.runs
        past = stood(table, rows)
        before = past.clusters
        clusters = self._clusters(frame, runs, before, placed, models)
        moved = clusters != runs.before(clusters.T, before.T).T
        told = moved.any(axis=1)
        told[runs.starts] |= outdated(table, rows, criteria.meaning)
        course = Course(
            criteria.judged(frame, clusters),
            runs,
            JudgedUsers(table.users, table.hashes, rows),
            past.standings,
            looked.until_us,
            criteria.resolution_us,
        )
        judgement, found = criteria.rulebook.follow(course, told)
        table.cells(STANDING).put(rows, found.last)
        table.cells(CLUSTERS).put(rows, clusters[runs.ends - 1])
        since_us = self._since(looked, past.clusters_since, frame.now_us, moved)
        table.cells(CLUSTERS_SINCE).put(rows, since_us[runs.ends - 1])
        news = judgement.round.users.rows
        note_told(table, np.unique(news), criteria.meaning)
        looks = course.look[found.at]
        there = [at for at, each in enumerate(criteria.clusterings) if each.name in models]
        now_us = judgement.round.frame.now_us
        seen = self._frame(frame.values[:, looks], now_us)
        after = UserStandings(found.standings, clusters[looks], since_us[looks])
        return course.due_us, Verdicts(
            rows=news,
            frame=seen,
            judgement=judgement,
            clusters=clusters[looks],
            placed=self._placed(seen, clusters[looks], models),
            changed=np.arange(len(news)),
            standings=found.standings,
            clusters_since=since_us[looks][:, there],
            looks=len(course.frame),
            before=_before(after, np.searchsorted(rows, news), past),
            after=after,
        )

    def _clusters(
        self, frame: Frame, runs: Runs, before: Ints, placed: Mask, models: Models
    ) -> Ints:
        """The clusters of users at their looks, int64[n, models], who were in those before."""
        clusters = before[runs.of]
        for at, clustering in enumerate(self._criteria.clusterings):
            model = models.get(clustering.name)
            if model is not None:
                clusters[:, at] = clustering.follow(frame, runs, before[:, at], placed, model)
        return clusters

    def _placed(self, frame: Frame, clusters: Ints, models: Models) -> list[Placed]:
        """What models say of users who are in these clusters."""
        return [
            clustering.stay(frame, clusters[:, at], models[clustering.name])
            for at, clustering in enumerate(self._criteria.clusterings)
            if clustering.name in models
        ]

    def _since(self, looked: _Looked, before_us: Moments, now_us: Moments, moved: Mask) -> Moments:
        """Since when users are in their clusters at their looks, int64[n, models]."""
        latest = looked.runs.latest(moved.T).T
        since_us: Moments = np.where(latest < 0, before_us[looked.runs.of], now_us[latest])
        return since_us

    def _clocks(self, values: Floats, now_us: Moments) -> tuple[Moments, Moments]:
        return self._criteria.clocks(self._frame(values, now_us))

    def _frame(self, values: Floats, now_us: Moments) -> Frame:
        return self._criteria.frame(values, now_us, self._table.dictionary)


def _before(after: UserStandings, of: Ints, first: UserStandings) -> UserStandings:
    """How users stood before they stand so, side by side in the order of time; `of` says who."""
    own = UserStandings.together([first, after])
    at = len(first.clusters) + np.arange(len(of)) - 1
    return own.where(np.where(begins(of), of, at))


@dataclass(frozen=True)
class _Looked:
    """Users at whom others look from `until_us` on, and whose looks are these."""

    rows: Rows
    runs: Runs
    until_us: Moments
