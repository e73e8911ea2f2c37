"""What judging users comes to, and of whom there is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.base.frame import Frame
from operators.base.runs import begins, ends
from operators.membership.clusterings import Placed
from operators.membership.member_layout import CLUSTERS, CLUSTERS_SINCE, STANDING, TOLD
from operators.outcomes.attribution import UserStandings
from operators.pages.table import UserTable
from operators.rules.judgement import Judgement


@dataclass(frozen=True)
class Verdicts:
    """What judging users at a moment each came to; `changed` are the positions to be published.

    A user may stand in it more than once, then side by side in the order of time. By the event
    clock it has those alone who are to be published; `looks` is how many judgements there were.
    `standings` is int64[changed, segments], how those stand to the segments now. `clusters` is
    int64[n, models], and `placed` tells of the models that there are, for each of which
    `clusters_since`, int64[changed, placed], is since when those are in their clusters, 0 if that
    is not known. `before` and `after` are how those to be published stood, and stand now.
    """

    rows: Rows
    frame: Frame
    judgement: Judgement
    clusters: Ints
    placed: Sequence[Placed]
    changed: Ints
    standings: Moments
    clusters_since: Moments
    looks: int
    before: UserStandings
    after: UserStandings

    def turns(self) -> Ints:
        """How many of those to be published before each are of the same user, int64[changed]."""
        rows = self.rows[self.changed]
        at = np.arange(len(rows))
        turns: Ints = at - np.maximum.accumulate(np.where(begins(rows), at, 0))
        return turns

    def last(self) -> Mask:
        """Whose last change it is of those to be published, bool[changed]."""
        return ends(self.rows[self.changed])


def stood(table: UserTable, rows: Rows) -> UserStandings:
    """How users stand by what is kept of them."""
    return UserStandings(
        table.cells(STANDING).take(rows),
        table.cells(CLUSTERS).take(rows),
        table.cells(CLUSTERS_SINCE).take(rows),
    )


def outdated(table: UserTable, rows: Rows, meaning: int) -> Mask:
    """Whose last assignment is by models that meant something else, bool[rows]."""
    told = table.cells(TOLD).take_one(rows)
    old: Mask = (told != 0) & (told != meaning)
    return old


def note_told(table: UserTable, rows: Rows, meaning: int) -> None:
    """Note that users have an assignment by the models as they are."""
    table.cells(TOLD).put_one(rows, meaning)
