"""What is noted of messages comes to: numbers to add, and what is kept of users from then on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np

from operators.base.arrays import Ints
from operators.base.runs import Runs
from operators.features.brought import ROW
from operators.outcomes import kept as words
from operators.outcomes.cohorts import Cohorts
from operators.outcomes.days import Days
from operators.outcomes.delta import CohortDelta, Delta
from operators.outcomes.kept import KeptOutcomes
from operators.outcomes.notes import Notes
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.periods import days
from operators.outcomes.sessions import (
    ACTIVE,
    MEASURES,
    OPENED,
    OUTCOME,
    STRATUM,
    TIME,
    VALUE,
)
from operators.pages.layout import Field
from operators.pages.table import UserTable


class Accounts:
    """What is measured; `segments` and `models` are named with their series."""

    def __init__(
        self,
        outcomes: Outcomes,
        segments: Sequence[tuple[str, str]],
        models: Sequence[tuple[str, str]],
    ) -> None:
        self.outcomes, self.segments, self.models = outcomes, segments, models
        self.cohorts = Cohorts(outcomes.periods)

    def fields(self) -> tuple[Field, ...]:
        """What is kept of a user."""
        models = ["/".join(each) for each in self.models]
        return words.fields(self.outcomes, ["/".join(each) for each in self.segments], models)

    @property
    def meaning(self) -> int:
        """Another number where another series begins."""
        told = (self.outcomes.identity, self.segments, self.models)
        return 1 + crc32(repr(told).encode())


class Settlement:
    """Notes of some messages that are settled, by what is kept of their users in a table."""

    def __init__(self, accounts: Accounts, table: UserTable, notes: Notes) -> None:
        self._accounts, self._table, self._notes = accounts, table, notes

    def delta(self) -> Delta:
        """What all comes to; what is kept of the users is written."""
        accounts = self._accounts
        found = Days(len(accounts.segments), accounts.outcomes.width)
        found.add_moves(self._notes.moves)
        found.add_cluster_moves(self._notes.cluster_moves)
        self._settle_sessions(found)
        self._settle_conversions(found)
        cohorts = list(self._settle_cohorts())
        return Delta(accounts.segments, accounts.models, list(found.deltas()), cohorts)

    def _settle_cohorts(self) -> Iterator[CohortDelta]:
        """What users add to cohorts."""
        activity, conversions, entering = (
            self._notes.activity,
            self._notes.conversions,
            self._notes.entering,
        )
        rows = np.unique(np.concatenate([activity[ROW], conversions[ROW], entering[ROW]]))
        if not len(rows):
            return
        before = KeptOutcomes.read(self._table, rows)
        after, cohorts = before.copy(), self._accounts.cohorts
        told = activity[:, activity[STRATUM] != words.NO_STRATUM]
        after.stratum[np.searchsorted(rows, told[ROW])] = told[STRATUM]
        moments = np.zeros(before.entered.shape, np.int64)
        acting, first = np.unique(activity[ROW], return_index=True)
        moments[np.searchsorted(rows, acting), -1] = np.maximum(activity[ACTIVE][first], 1)
        _, segments, standings = entering
        moments[np.searchsorted(rows, entering[ROW]), segments] = standings
        cohorts.enter(after, moments)
        cohorts.act(after, np.searchsorted(rows, activity[ROW]), activity[ACTIVE])
        users = np.searchsorted(rows, conversions[ROW])
        cohorts.bring(after, users, conversions[TIME], conversions[OUTCOME], conversions[VALUE])
        after.write(self._table, rows)
        yield from cohorts.deltas(before, after)

    def _settle_sessions(self, found: Days) -> None:
        """Add what sessions came to, by how their users stood as each began."""
        order = np.argsort(self._notes.sessions[ROW], kind="stable")
        sessions = self._notes.sessions[:, order]
        rows, of = np.unique(sessions[ROW], return_inverse=True)
        if not len(rows):
            return
        runs, table, count = Runs(of), self._table, len(self._accounts.segments)
        opened = np.flatnonzero(sessions[OPENED])
        began = self._notes.began[:, _ranks(order[opened])]
        # Behind those that go on, as they stood when they began, the ones that begin here.
        day = np.append(
            table.cells(words.SESSION_DAY).take_one(rows), days(sessions[OPENED][opened])
        )
        groups = np.vstack([table.cells(words.SESSION_GROUPS).take(rows), began[:count].T])
        clusters = np.vstack([table.cells(words.SESSION_CLUSTERS).take(rows), began[count:].T])
        place = np.full(sessions.shape[1], -1)
        place[opened] = len(rows) + np.arange(len(opened))
        latest = runs.latest(place >= 0)
        at = np.where(latest < 0, of, place[latest])
        newest = at[runs.ends - 1]
        table.cells(words.SESSION_DAY).put_one(rows, day[newest])
        table.cells(words.SESSION_GROUPS).put(rows, groups[newest])
        table.cells(words.SESSION_CLUSTERS).put(rows, clusters[newest])
        known = day[at] != words.NO_DAY  # not so of one that began before there were outcomes
        at, measures = at[known], sessions[MEASURES:].T[known]
        found.add(day[at], groups[at], clusters[at], measures, 0)

    def _settle_conversions(self, found: Days) -> None:
        """Add conversions, by how their users stood at each."""
        conversions, stood_ = self._notes.conversions, self._notes.stood
        if not conversions.shape[1]:
            return
        at_us, outcome = conversions[TIME], conversions[OUTCOME]
        k, count = len(self._accounts.outcomes.names), len(self._accounts.segments)
        numbers = np.zeros((len(at_us), 2 * k), np.int64)
        each = np.arange(len(at_us))
        numbers[each, outcome] = 1
        numbers[each, k + outcome] = conversions[VALUE]
        first = self._accounts.outcomes.session_width
        found.add(days(at_us), stood_[:count].T, stood_[count:].T, numbers, first)


def _ranks(positions: Ints) -> Ints:
    """Which each of some different numbers is among them, ascending."""
    ranks: Ints = np.argsort(np.argsort(positions))
    return ranks
