"""The users of a lane as Assign knows them: last features, segments and clusters.

It judges them when Profile has evaluated them anew and when time alone changes what a rule
says: an age passes a threshold, a shortest stay ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.frame import FeatureColumn, Frame, Kind, meaning
from operators.features.clocks import EvaluationRound, OwnTimes
from operators.features.lifetime import NONE_FORGOTTEN, Forgotten
from operators.membership.clusterings import (
    NO_CLUSTER,
    Clustering,
    Models,
    Placed,
    cluster_rows,
    clusters_meaning,
    with_clusters,
)
from operators.membership.last_values import LastValues
from operators.membership.schedule import Schedule
from operators.pages.journal import Journal
from operators.pages.layout import Field, Layout
from operators.pages.table import UserTable
from operators.rules.holdouts import JudgedUsers
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.standing import NEVER_IN, member

_DUE: Final = "due_us"
_JUDGED: Final = "judged_us"  # when the user was judged last, or so far that nothing changed since
_STANDING: Final = "standing"  # to each segment: see rules/standing.py
_TOLD: Final = "told"  # by which models the last assignment was; 0 without one
_COLUMNS: Final = "columns"  # of the head: those that are kept
_MODELS: Final = "models"  # of the head: those that judged
_CLUSTERS: Final = "clusters"  # the id in each model
_CLUSTERS_SINCE: Final = "clusters_since_us"  # when the user came into it; 0 if that was not kept

# A user's age grows without end, and with it the distance to every center. An idle user is
# assigned anew when the age has grown by an eighth: often while young, rarely when old.
_AGE_STEPS: Final = 8
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Verdicts:
    """What judging n users at a moment each came to; `changed` are the positions to be published.

    `standings` is int64[changed, segments], how those stand to the segments now. `clusters` is
    int64[n, models], and `placed` tells of the models that there are, for each of which
    `clusters_since`, int64[changed, placed], is since when those are in their clusters, 0 if that
    is not known.
    """

    rows: Rows
    frame: Frame
    judgement: Judgement
    clusters: Ints
    placed: Sequence[Placed]
    changed: Ints
    standings: Moments
    clusters_since: Moments


class Members:
    """The members of a lane.

    State: key one lane; layout as `_layout` says; written only here; a row dies with its user.

    Args:
        columns: the features, in the order in which Profile sends them.
        rulebook: the segments.
        clusterings: the cluster models, in order.
        resolution_us: due moments are rounded up to its multiples, so that many fall together.
    """

    def __init__(
        self,
        columns: Mapping[str, FeatureColumn],
        rulebook: Rulebook,
        clusterings: Sequence[Clustering],
        resolution_us: int,
    ) -> None:
        self.columns = columns
        self.rulebook = rulebook
        self._last = LastValues(columns)
        self.coded = self._last.coded
        self.table = UserTable(_layout(self._last, rulebook.names, clusterings))
        self.journal = Journal(self.table)
        self._clusterings = clusterings
        self._meaning = clusters_meaning(clusterings)
        self._ages = _ages_in(clusterings, columns)
        self._resolution_us = resolution_us
        self._columns_judged = with_clusters(
            columns, {each.name: each.spec for each in clusterings}
        )

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
            yield from self._judge_in_order(rows, rounds, models, time, forgotten)
        else:
            yield from self._judge_now(rounds, models, time, forgotten)

    def again(self, rows: Rows, now_us: Moments, models: Models) -> Verdicts:
        """Judge users by the features that they had last, at a moment each."""
        return self._judge(rows, now_us, self._last.take(self.table, rows), models)

    def expect_columns(self) -> bool:
        """Judge nobody before an evaluation if what is kept is of other columns; True if so.

        Profile sends all of them anew.
        """
        differs = self.journal.renew(_COLUMNS, meaning(self.columns))
        if differs:
            rows = self.everyone()
            self.journal.begin(rows)
            self.table.cells(_DUE).put_one(rows, NEVER)
        return differs

    def expect_clusters(self) -> bool:
        """Whether clusters mean something else than when the state was written.

        They do if models have other features, names or places among each other. Whoever is judged
        from now on is published, if the last assignment is by other models.
        """
        return self.journal.renew(_MODELS, self._meaning)

    def everyone(self) -> Rows:
        """The rows of all users, ascending."""
        return self.table.rows()

    def unassigned(self, models: Models, most: int) -> Rows:
        """Up to `most` users without a cluster in one of these models, or in one that is gone."""
        rows, cells = self.everyone(), self.table.cells(_CLUSTERS)
        without = np.zeros(len(rows), np.bool_)
        for at, clustering in enumerate(self._clusterings):
            if clustering.name in models:
                without |= models[clustering.name].rows(cells.take_one(rows, at)) < 0
        found: Rows = rows[without]
        return found[:most]

    def standings(self, rows: Rows) -> Moments:
        """How some users stand to each segment, int64[rows, segments]."""
        standings: Moments = self.table.cells(_STANDING).take(rows)
        return standings

    def counts(self) -> dict[str, int]:
        """How many users are members of each segment, by its name."""
        rows, cells = self.everyone(), self.table.cells(_STANDING)
        return {
            name: int(np.count_nonzero(member(cells.take_one(rows, at))))
            for at, name in enumerate(self.rulebook.names)
        }

    def not_before(self, rows: Rows, now_us: int | Moments) -> Moments:
        """A moment for each user, int64[rows]: now, or how far the user was judged if later."""
        return np.maximum(self.table.cells(_JUDGED).take_one(rows), now_us)

    def next_due_us(self) -> int:
        """When the first user of the lane is due; NEVER if none is."""
        return int(self.table.cells(_DUE).take_one(self.everyone()).min(initial=NEVER))

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
        if len(rows := np.setdiff1d(self._due(now_us), forgotten.rows)):
            yield self.again(rows, np.full(len(rows), now_us), models)

    def _judge_in_order(
        self,
        rows: Rows,
        rounds: Sequence[EvaluationRound],
        models: Models,
        time: OwnTimes,
        forgotten: Forgotten,
    ) -> Iterator[Verdicts]:
        """Judge users at each evaluation and each due moment, in the order of their time.

        Users are independent, so all take a step together, whatever the moment of each.
        """
        schedule, due = Schedule(rounds, rows), self.table.cells(_DUE)
        ends_us = np.zeros(len(rows), np.int64)
        ends_us[np.searchsorted(rows, time.rows)] = time.until_us + 1
        ends_us[np.searchsorted(rows, forgotten.rows)] = forgotten.at_us
        while len(rows):
            due_us, next_us = due.take_one(rows), schedule.next_us()
            is_due = due_us < np.where(next_us == NEVER, ends_us, next_us)
            arriving = ~is_due & (next_us != NEVER)
            if np.any(arriving):
                self._last.put(self.table, rows[arriving], schedule.take(arriving))
            going = is_due | arriving
            rows, ends_us = rows[going], ends_us[going]
            schedule.keep(going)
            if len(rows):
                yield self.again(rows, np.where(is_due, due_us, next_us)[going], models)
        self.table.cells(_JUDGED).put_one(time.rows, self.not_before(time.rows, time.until_us))

    def _judge(self, rows: Rows, now_us: Moments, values: Floats, models: Models) -> Verdicts:
        cluster_cells = self.table.cells(_CLUSTERS)
        standing_cells = self.table.cells(_STANDING)
        frame = Frame(self.columns, values, now_us, self.table.dictionary)
        before = cluster_cells.take(rows)
        clusters, placed = self._place(frame, before, models)
        judged = Frame(
            self._columns_judged,
            np.vstack([values, cluster_rows(clusters)]),
            now_us,
            self.table.dictionary,
        )
        users = JudgedUsers(self.table.users, self.table.hashes, rows)
        judgement = self.rulebook.judge(judged, standing_cells.take(rows), users)
        changes = judgement.changes
        standing_cells.put_one(rows[changes.users], changes.standings, changes.segments)
        cluster_cells.put(rows, clusters)
        moved = clusters != before
        self._note_moves(rows, moved, now_us)
        self.table.cells(_JUDGED).put_one(rows, now_us)
        self.table.cells(_DUE).put_one(rows, self._due_us(frame, judgement))
        changed = self._changed(rows, changes.users, moved.any(axis=1))
        standings = standing_cells.take(rows[changed])
        there = [each.name in models for each in self._clusterings]
        since = self.table.cells(_CLUSTERS_SINCE).take(rows[changed])[:, there]
        return Verdicts(rows, frame, judgement, clusters, placed, changed, standings, since)

    def _note_moves(self, rows: Rows, moved: Mask, now_us: Moments) -> None:
        """Note since when users are in the clusters that they have moved to, bool[n, models]."""
        users, models = np.nonzero(moved)
        self.table.cells(_CLUSTERS_SINCE).put_one(rows[users], now_us[users], models)

    def _changed(self, rows: Rows, users: Ints, moved: Mask) -> Ints:
        """The positions of whom there is news of, be it that the models are others by now."""
        cells = self.table.cells(_TOLD)
        told = cells.take_one(rows)
        outdated = (told != 0) & (told != self._meaning)
        changed = np.union1d(users, np.flatnonzero(moved | outdated))
        cells.put_one(rows[changed], self._meaning)
        return changed

    def _place(self, frame: Frame, before: Ints, models: Models) -> tuple[Ints, list[Placed]]:
        """The clusters of users who were in those before, int64[n, models], and how they are."""
        clusters, placed = before.copy(), []
        for at, clustering in enumerate(self._clusterings):
            model = models.get(clustering.name)
            if model is not None:
                placed.append(clustering.place(frame, before[:, at], model))
                clusters[:, at] = placed[-1].ids
        return clusters, placed

    def _due_us(self, frame: Frame, judgement: Judgement) -> Moments:
        due_us = judgement.due_us
        for name in self._ages:
            grown_us = np.maximum(frame.now_us - frame.row(name), 0) / _AGE_STEPS
            again_us = frame.now_us + np.maximum(np.nan_to_num(grown_us), _MINUTE_US)
            ageing = ~np.isnan(grown_us)
            due_us = np.where(ageing, np.minimum(due_us, again_us.astype(np.int64)), due_us)
        up = -(-due_us // self._resolution_us) * self._resolution_us
        return np.where(due_us == NEVER, NEVER, up)

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
        rows = self.everyone()
        due: Rows = rows[self.table.cells(_DUE).take_one(rows) <= until_us]
        return due


_MINUTE_US: Final = 60_000_000


def _layout(last: LastValues, segments: Sequence[str], clusterings: Sequence[Clustering]) -> Layout:
    models = tuple(clustering.label for clustering in clusterings)
    return Layout(
        [
            *last.fields(),
            Field(_STANDING, "i8", len(segments), initial=NEVER_IN, labels=tuple(segments)),
            Field(_CLUSTERS, "i8", len(models), initial=NO_CLUSTER, labels=models),
            Field(_CLUSTERS_SINCE, "i8", len(models), labels=models),
            Field(_TOLD, "i8"),
            Field(_JUDGED, "i8", initial=-1),
            Field(_DUE, "i8", initial=NEVER),
        ]
    )


def _ages_in(clusterings: Sequence[Clustering], columns: Mapping[str, FeatureColumn]) -> list[str]:
    names = [each.feature for clustering in clusterings for each in clustering.space.dimensions]
    return [name for name in dict.fromkeys(names) if columns[name].kind is Kind.AGE]
