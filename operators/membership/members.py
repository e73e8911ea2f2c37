"""The users of a lane as Assign knows them: last features, segments and clusters.

It judges them when Profile has evaluated them anew and when time alone changes what a rule
says: an age passes a threshold, a shortest stay ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import is_
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows, without
from operators.base.frame import Frame, meaning
from operators.clustering.model import ClusterModel
from operators.features.clocks import EvaluationRound, OwnTimes
from operators.features.lifetime import NONE_FORGOTTEN, Forgotten
from operators.membership.account import Account
from operators.membership.clusterings import Models, Placed
from operators.membership.criteria import Criteria
from operators.membership.in_order import InOrder
from operators.membership.last_values import LastValues
from operators.membership.member_layout import (
    CLUSTERS,
    CLUSTERS_SINCE,
    DUE,
    JUDGED,
    STANDING,
    member_layout,
)
from operators.membership.verdicts import Verdicts, note_told, outdated, stood
from operators.outcomes.settling import Accounts
from operators.pages.journal import Journal
from operators.pages.memory import Budget
from operators.pages.table import UserTable
from operators.rules.holdouts import JudgedUsers
from operators.rules.standing import member

_COLUMNS: Final = "columns"  # of the head: those that are kept
_MODELS: Final = "models"  # of the head: those that judged
_SERIES: Final = "series"  # of the head: by which segments were measured
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


class Members:
    """The members of a lane.

    State: key one lane; layout as `member_layout` says; a row dies with its user; written here
    and by `InOrder` only.

    They are judged by its `criteria`; with `accounts` it is measured what that is worth. `budget`
    is of the memory of rows.
    """

    def __init__(
        self,
        criteria: Criteria,
        accounts: Accounts | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.rulebook = criteria.rulebook
        self._accounts = accounts
        self._criteria = criteria
        self._last = LastValues(criteria.columns)
        self.coded = self._last.coded
        more = accounts.fields() if accounts else ()
        layout = member_layout(self._last, self.rulebook.names, criteria.clusterings, more)
        self.table = UserTable(layout, budget=budget)
        self.journal = Journal(self.table)
        self.account = Account(accounts, self.table) if accounts else None
        self._in_order = InOrder(criteria, self.table, self._last)
        self._all_placed_by: list[ClusterModel | None] = []

    def judge(
        self,
        rounds: Sequence[EvaluationRound],
        models: Models,
        time: int | OwnTimes,
        forgotten: Forgotten = NONE_FORGOTTEN,
        others: Rows = _NOBODY,
    ) -> Iterator[Verdicts]:
        """Judge the users of these rounds, and whomever time alone changes, as `Step` has time.

        By the wall clock whoever is due is judged now; by the event clock those of the rounds
        are judged at each moment of being due, in the order of their time, until they have come
        to where they are. Who is forgotten is due only before that. The journal remembers all
        of them, and `others`, whom the caller may change.
        """
        rows = self._concerned(rounds, time, forgotten)
        self.journal.begin(np.union1d(rows, others))
        if isinstance(time, OwnTimes):
            yield from self._in_order.judge(rows, rounds, models, time, forgotten)
        else:
            yield from self._judge_now(rounds, models, time, forgotten)

    def again(self, rows: Rows, now_us: Moments, models: Models) -> Verdicts:
        """Judge users by the features that they had last, at a moment each."""
        return self._judge(rows, now_us, self._last.take(self.table, rows), models)

    def expect_columns(self) -> bool:
        """Judge nobody before an evaluation if what is kept is of other columns; True if so.

        Profile sends all of them anew.
        """
        differs = self.journal.renew(_COLUMNS, meaning(self._criteria.columns))
        if differs:
            self.wait()
        return differs

    def wait(self) -> None:
        """Have nobody due before an evaluation."""
        rows = self.everyone()
        self.journal.begin(rows)
        self.table.cells(DUE).put_one(rows, NEVER)

    def expect_series(self) -> bool:
        """Whether segments are measured by other series than when the state was written."""
        if self._accounts is None:
            return False
        first = _SERIES not in self.journal.head and len(self.table) > 0
        return self.journal.renew(_SERIES, self._accounts.meaning) or first

    def expect_clusters(self) -> bool:
        """Whether clusters mean something else than when the state was written.

        They do if models have other features, names or places among each other. Whoever is judged
        from now on is published, if the last assignment is by other models.
        """
        return self.journal.renew(_MODELS, self._criteria.meaning)

    def everyone(self) -> Rows:
        """The rows of all users, ascending."""
        return self.table.rows()

    def evaluated(self, rows: Rows) -> Rows:
        """Those who were judged before: by the event clock others may have come, too."""
        known: Rows = rows[self.table.cells(JUDGED).take_one(rows) >= 0]
        return known

    def unassigned(self, models: Models, most: int) -> Rows:
        """Up to `most` users without a cluster in one of these models, or in one that is gone.

        Where there were none, there are none before there is another version: who comes is placed.
        """
        newest = [models.get(each.name) for each in self._criteria.clusterings]
        if self._all_placed_by and all(map(is_, newest, self._all_placed_by)):
            return _NOBODY
        lacking = (self._lacking(rows, models) for rows in self.table.parts())
        found: Rows = np.concatenate([_NOBODY, *lacking])
        self._all_placed_by = [] if len(found) else newest
        return found[:most]

    def _lacking(self, rows: Rows, models: Models) -> Rows:
        """Those of some users who are in no cluster of one of these models."""
        cells, lacking = self.table.cells(CLUSTERS), np.zeros(len(rows), np.bool_)
        for at, clustering in enumerate(self._criteria.clusterings):
            if clustering.name in models:
                lacking |= models[clustering.name].rows(cells.take_one(rows, at)) < 0
        found: Rows = rows[lacking]
        return found

    def standings(self, rows: Rows) -> Moments:
        """How some users stand to each segment, int64[rows, segments]."""
        standings: Moments = self.table.cells(STANDING).take(rows)
        return standings

    def counts(self) -> dict[str, int]:
        """How many users are members of each segment, by its name."""
        names = self.rulebook.names
        found = np.zeros(len(names), np.int64)
        for rows in self.table.parts():
            found += np.count_nonzero(member(self.standings(rows)), axis=0)
        return dict(zip(names, found.tolist(), strict=True))

    def not_before(self, rows: Rows, now_us: int | Moments) -> Moments:
        """A moment for each user, int64[rows]: now, or how far the user was judged if later."""
        return np.maximum(self.table.cells(JUDGED).take_one(rows), now_us)

    def next_due_us(self) -> int:
        """When the first user of the lane is due; NEVER if none is."""
        return int(self.table.column(DUE).min(initial=NEVER))

    def _judge_now(
        self,
        rounds: Sequence[EvaluationRound],
        models: Models,
        now_us: int,
        forgotten: Forgotten,
    ) -> Iterator[Verdicts]:
        for round_ in rounds:
            self._last.put(self.table, round_.rows, round_.values)
            yield self._judge(round_.rows, round_.now_us, round_.values, models)
        if len(rows := without(self._due(now_us), forgotten.rows)):
            yield self.again(rows, np.full(len(rows), now_us), models)

    def _judge(self, rows: Rows, now_us: Moments, values: Floats, models: Models) -> Verdicts:
        table, criteria = self.table, self._criteria
        cluster_cells, standing_cells = table.cells(CLUSTERS), table.cells(STANDING)
        frame = criteria.frame(values, now_us, table.dictionary)
        past = stood(table, rows)
        before = past.clusters
        clusters, placed = self._place(frame, before, models)
        users = JudgedUsers(table.users, table.hashes, rows)
        judged = criteria.judged(frame, clusters)
        judgement = self.rulebook.judge(judged, past.standings, users)
        changes = judgement.changes
        standing_cells.put_one(rows[changes.users], changes.standings, changes.segments)
        cluster_cells.put(rows, clusters)
        moved = clusters != before
        self._note_moves(rows, moved, now_us)
        table.cells(JUDGED).put_one(rows, now_us)
        table.cells(DUE).put_one(rows, criteria.due_us(frame, judgement.due_us))
        changed = self._changed(rows, changes.users, moved.any(axis=1))
        after = stood(table, rows[changed])
        there = [each.name in models for each in criteria.clusterings]
        return Verdicts(
            rows=rows,
            frame=frame,
            judgement=judgement,
            clusters=clusters,
            placed=placed,
            changed=changed,
            standings=after.standings,
            clusters_since=after.clusters_since[:, there],
            looks=len(rows),
            before=past.where(changed),
            after=after,
        )

    def _note_moves(self, rows: Rows, moved: Mask, now_us: Moments) -> None:
        """Note since when users are in the clusters that they have moved to, bool[n, models]."""
        users, models = np.nonzero(moved)
        self.table.cells(CLUSTERS_SINCE).put_one(rows[users], now_us[users], models)

    def _changed(self, rows: Rows, users: Ints, moved: Mask) -> Ints:
        """The positions of whom there is news of, be it that the models are others by now."""
        meaning = self._criteria.meaning
        changed = np.union1d(users, np.flatnonzero(moved | outdated(self.table, rows, meaning)))
        note_told(self.table, rows[changed], meaning)
        return changed

    def _place(self, frame: Frame, before: Ints, models: Models) -> tuple[Ints, list[Placed]]:
        """The clusters of users who were in those before, int64[n, models], and how they are."""
        clusters, placed = before.copy(), []
        for at, clustering in enumerate(self._criteria.clusterings):
            model = models.get(clustering.name)
            if model is not None:
                placed.append(clustering.place(frame, before[:, at], model))
                clusters[:, at] = placed[-1].ids
        return clusters, placed

    def _concerned(
        self,
        rounds: Sequence[EvaluationRound],
        time: int | OwnTimes,
        forgotten: Forgotten,
    ) -> Rows:
        """Those who are evaluated, due or forgotten, each once, ascending."""
        arrived = [round_.rows for round_ in rounds]
        own = time.rows if isinstance(time, OwnTimes) else self._due(time)
        rows: Rows = np.unique(np.concatenate([*arrived, own, forgotten.rows]))
        return rows

    def _due(self, until_us: int) -> Rows:
        return (self.table.column(DUE) <= until_us).nonzero()[0]
