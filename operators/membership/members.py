"""The users of a lane as Assign knows them: last features, segments and cluster.

It judges them when Profile has evaluated them anew and when time alone changes what a rule
says: an age passes a threshold, a shortest stay ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.clustering.model import ClusterModel
from operators.clustering.nearest import Nearest
from operators.clustering.space import Space
from operators.features.clocks import Round
from operators.features.lifetime import NOBODY, Forgotten
from operators.features.windows import NEVER
from operators.frame import FeatureColumn, Floats, Frame, Kind, Moments, meaning
from operators.membership.agenda import Agenda
from operators.pages.journal import Journal
from operators.pages.layout import Field, Layout, Rows
from operators.pages.sets import Ints
from operators.pages.table import UserTable
from operators.rules.crowd import Crowd
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.standing import NEVER_IN

CLUSTER: Final = "cluster"  # the column by which rules see the cluster
NO_CLUSTER: Final = -1

_DUE: Final = "due_us"
_JUDGED: Final = "judged_us"
_STANDING: Final = "standing"  # to each segment: see rules/standing.py
_COLUMNS: Final = "columns"  # of the head: those that are kept
_NUMBERS: Final = "numbers"

# A user's age grows without end, and with it the distance to every center. An idle user is
# assigned anew when the age has grown by an eighth: often while young, rarely when old.
_AGE_STEPS: Final = 8


@dataclass(frozen=True)
class Verdicts:
    """What judging n users at a moment each came to; `changed` are the positions that differ.

    `words` is int64[changed, segments], how those stand to the segments now. `nearest` is None
    without a model.
    """

    rows: Rows
    frame: Frame
    judgement: Judgement
    nearest: Nearest | None
    model: int | None
    changed: Ints
    words: Moments


class Members:
    """The members of a lane.

    State: key one lane; layout as `_layout` says; written only here; a row dies with its user.

    Args:
        columns: the features, in the order in which Profile sends them.
        rulebook: the segments.
        space: the dimensions of the cluster model, None without clusters.
        resolution_us: due moments are rounded up to its multiples, so that many fall together.
    """

    def __init__(
        self,
        columns: Mapping[str, FeatureColumn],
        rulebook: Rulebook,
        space: Space | None,
        resolution_us: int,
    ) -> None:
        self.columns = columns
        self.rulebook = rulebook
        self.coded = _positions(columns, coded=True)
        self.table = UserTable(_layout(columns, rulebook.names))
        self.journal = Journal(self.table)
        self._numbers = _positions(columns, coded=False)
        self._space = space
        self._ages = _ages_in(space, columns)
        self._resolution_us = resolution_us
        self._columns_judged = {**columns, CLUSTER: FeatureColumn(CLUSTER, Kind.NUMBER)}

    def begin(self, rounds: Sequence[Round], until_us: int, others: Rows) -> None:
        """Remember, for the journal, the users whom `judge` may change, and others."""
        self.journal.begin(np.union1d(self._concerned(rounds, until_us), others))

    def judge(
        self,
        rounds: Sequence[Round],
        model: ClusterModel | None,
        until_us: int,
        exact: bool,
        forgotten: Forgotten = NOBODY,
    ) -> Iterator[Verdicts]:
        """Judge the users of these rounds, and up to `until_us` whomever time alone changes.

        With `exact` a user who is due is judged at the moment of being due, in the order of
        time; without, at `until_us`, which is now. Who is forgotten is due only before that.
        """
        if exact:
            yield from self._judge_in_order(rounds, model, until_us, forgotten)
            return
        for round_ in rounds:
            self._store(round_.rows, round_.values)
            yield self._judge(round_.rows, round_.now_us, round_.values, model)
        if len(rows := np.setdiff1d(self._due(until_us), forgotten.rows)):
            yield self.again(rows, np.full(len(rows), until_us), model)

    def again(self, rows: Rows, now_us: Moments, model: ClusterModel | None) -> Verdicts:
        """Judge users by the features that they had last, at a moment each."""
        return self._judge(rows, now_us, self._values(rows), model)

    def expect_columns(self) -> bool:
        """Judge nobody before an evaluation if what is kept is of other columns; True if so.

        Profile sends all of them anew.
        """
        head, now = self.journal.head, meaning(self.columns)
        differs = head.get(_COLUMNS, now) != now
        head[_COLUMNS] = now
        if differs:
            rows = self.everyone()
            self.journal.begin(rows)
            self.table.cells(_DUE).put_one(rows, NEVER)
        return differs

    def everyone(self) -> Rows:
        """The rows of all users, ascending."""
        return self.table.rows()

    def unassigned(self, most: int) -> Rows:
        """Up to `most` users without a cluster."""
        rows = self.everyone()
        found: Rows = rows[self.table.cells(CLUSTER).take_one(rows) == NO_CLUSTER]
        return found[:most]

    def standings(self, rows: Rows) -> Moments:
        """How some users stand to each segment, int64[rows, segments]."""
        words: Moments = self.table.cells(_STANDING).take(rows)
        return words

    def not_before(self, rows: Rows, now_us: int) -> Moments:
        """A moment for each user, int64[rows]: now, or when the user was judged last if later."""
        return np.maximum(self.table.cells(_JUDGED).take_one(rows), now_us)

    def next_due_us(self) -> int:
        """When the first user of the lane is due; NEVER if none is."""
        return int(self.table.cells(_DUE).take_one(self.everyone()).min(initial=NEVER))

    def _judge_in_order(
        self,
        rounds: Sequence[Round],
        model: ClusterModel | None,
        until_us: int,
        forgotten: Forgotten,
    ) -> Iterator[Verdicts]:
        """Judge every user at each evaluation and each due moment, in the order of their time.

        Users are independent, so all take a step together, whatever the moment of each.
        """
        rows = self._concerned(rounds, until_us)
        agenda, due = Agenda(rounds, rows), self.table.cells(_DUE)
        ends_us = np.full(len(rows), until_us + 1)
        _, at, which = np.intersect1d(rows, forgotten.rows, return_indices=True)
        ends_us[at] = forgotten.at_us[which]
        while len(rows):
            due_us, next_us = due.take_one(rows), agenda.next_us()
            is_due = due_us < np.where(next_us == NEVER, ends_us, next_us)
            arriving = ~is_due & (next_us != NEVER)
            if np.any(arriving):
                self._store(rows[arriving], agenda.take(arriving))
            going = is_due | arriving
            rows, ends_us = rows[going], ends_us[going]
            agenda.keep(going)
            if len(rows):
                yield self.again(rows, np.where(is_due, due_us, next_us)[going], model)

    def _judge(
        self, rows: Rows, now_us: Moments, values: Floats, model: ClusterModel | None
    ) -> Verdicts:
        cluster_cells = self.table.cells(CLUSTER)
        standing_cells = self.table.cells(_STANDING)
        frame = Frame(self.columns, values, now_us, self.table.dictionary)
        nearest = self._nearest(frame, model)
        old_cluster = cluster_cells.take_one(rows)
        cluster = old_cluster if nearest is None else nearest.cluster
        row = np.where(cluster == NO_CLUSTER, np.nan, cluster)
        judged = Frame(
            self._columns_judged, np.vstack([values, row]), now_us, self.table.dictionary
        )
        crowd = Crowd(self.table.users, self.table.hashes, rows)
        judgement = self.rulebook.judge(judged, standing_cells.take(rows), crowd)
        changes = judgement.changes
        standing_cells.put_one(rows[changes.users], changes.words, changes.segments)
        cluster_cells.put_one(rows, cluster)
        self.table.cells(_JUDGED).put_one(rows, now_us)
        self.table.cells(_DUE).put_one(rows, self._due_us(frame, judgement))
        changed = np.union1d(changes.users, np.flatnonzero(cluster != old_cluster))
        version = None if model is None else model.version
        words = standing_cells.take(rows[changed])
        return Verdicts(rows, judged, judgement, nearest, version, changed, words)

    def _nearest(self, frame: Frame, model: ClusterModel | None) -> Nearest | None:
        if model is None or self._space is None or not len(frame):
            return None
        return model.assign(self._space.points(frame))

    def _due_us(self, frame: Frame, judgement: Judgement) -> Moments:
        due_us = judgement.due_us
        for name in self._ages:
            grown_us = np.maximum(frame.now_us - frame.row(name), 0) / _AGE_STEPS
            again_us = frame.now_us + np.maximum(np.nan_to_num(grown_us), _MINUTE_US)
            ageing = ~np.isnan(grown_us)
            due_us = np.where(ageing, np.minimum(due_us, again_us.astype(np.int64)), due_us)
        up = -(-due_us // self._resolution_us) * self._resolution_us
        return np.where(due_us == NEVER, NEVER, up)

    def _store(self, rows: Rows, values: Floats) -> None:
        self.table.cells(_NUMBERS).put(rows, values[self._numbers].T)
        names = list(self.columns)
        for at in self.coded:
            codes = np.where(np.isnan(values[at]), -1, values[at])
            self.table.cells(_category(names[at])).put_one(rows, codes)

    def _values(self, rows: Rows) -> Floats:
        values = np.empty((len(self.columns), len(rows)))
        values[self._numbers] = self.table.cells(_NUMBERS).take(rows).T
        names = list(self.columns)
        for at in self.coded:
            codes = self.table.cells(_category(names[at])).take_one(rows)
            values[at] = np.where(codes < 0, np.nan, codes)
        return values

    def _concerned(self, rounds: Sequence[Round], until_us: int) -> Rows:
        """Those who are evaluated or due, each once, ascending."""
        arrived = [round_.rows for round_ in rounds]
        rows: Rows = np.unique(np.concatenate([*arrived, self._due(until_us)]))
        return rows

    def _due(self, until_us: int) -> Rows:
        rows = self.everyone()
        due: Rows = rows[self.table.cells(_DUE).take_one(rows) <= until_us]
        return due


_MINUTE_US: Final = 60_000_000


def _layout(columns: Mapping[str, FeatureColumn], segments: Sequence[str]) -> Layout:
    numbers = [column for column in columns.values() if not column.kind.coded]
    coded = [column for column in columns.values() if column.kind.coded]
    return Layout(
        [
            Field(
                _NUMBERS,
                "f8",
                len(numbers),
                initial=tuple(column.empty for column in numbers),
                labels=tuple(column.identity for column in numbers),
            ),
            *(
                Field(
                    _category(column.name), "i8", initial=-1, coded=True, labels=(column.identity,)
                )
                for column in coded
            ),
            Field(_STANDING, "i8", len(segments), initial=NEVER_IN, labels=tuple(segments)),
            Field(CLUSTER, "i8", initial=NO_CLUSTER),
            Field(_JUDGED, "i8", initial=-1),
            Field(_DUE, "i8", initial=NEVER),
        ]
    )


def _category(name: str) -> str:
    return f"category.{name}"


def _positions(columns: Mapping[str, FeatureColumn], *, coded: bool) -> list[int]:
    kinds = [column.kind for column in columns.values()]
    return [at for at, kind in enumerate(kinds) if kind.coded == coded]


def _ages_in(space: Space | None, columns: Mapping[str, FeatureColumn]) -> list[str]:
    names = [dimension.feature for dimension in space.dimensions] if space else []
    return [name for name in names if columns[name].kind is Kind.AGE]
