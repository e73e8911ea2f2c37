"""What one message comes to for outcomes: who did what, by how they stood as they did it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

import numpy as np

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.base.runs import Runs
from operators.features.brought import ROW, Brought
from operators.features.lifetime import Forgotten
from operators.membership.clusterings import NO_CLUSTER
from operators.membership.verdicts import Verdicts, stood
from operators.outcomes import kept as words
from operators.outcomes.attribution import History, UserStandings
from operators.outcomes.cohorts import Cohorts
from operators.outcomes.days import Days
from operators.outcomes.delta import CohortDelta, Delta
from operators.outcomes.kept import KeptOutcomes
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.periods import days
from operators.outcomes.sessions import (
    ACTIVE,
    MEASURES,
    OPENED,
    OUTCOME,
    POSITION,
    STRATUM,
    TIME,
    VALUE,
)
from operators.pages.layout import Field
from operators.pages.table import UserTable
from operators.rules import standing

_NOBODY: Final[Rows] = np.zeros(0, np.int64)


class Accounts:
    """Opens an account for each message; `segments` and `models` are named with their series."""

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


class Account:
    """The account of one message. Whoever judges tells it of every verdict, and settles it.

    Args:
        accounts: what is measured.
        table: the members, as they are before the message.
        brought: what users did, in rows of the table.
        now: whether they did it before any verdict of the message, as by the wall clock.
    """

    def __init__(
        self, accounts: Accounts, table: UserTable, brought: Brought | None, *, now: bool
    ) -> None:
        self._accounts, self._table, self._brought, self._now = accounts, table, brought, now
        rows = brought.rows if brought else _NOBODY
        self._history = History(rows, stood(table, rows))
        self._days = Days(len(accounts.segments), accounts.outcomes.width)
        # The standings of those who come to count in a segment, by the key of both.
        self._entering: dict[int, int] = {}

    def add(self, verdicts: Verdicts) -> None:
        """Users were judged."""
        self._enter(verdicts)
        changed, before, after = verdicts.changed, verdicts.before, verdicts.after
        if not len(changed):
            return
        rows, at_us = verdicts.rows[changed], verdicts.frame.now_us[changed]
        if not self._now:
            self._history.changed(rows, at_us, after)
        was, is_ = standing.member(before.standings), standing.member(after.standings)
        self._move(rows, at_us, is_ & ~was, was & ~is_, before)
        self._move_clusters(at_us, before, after)

    def forget(self, forgotten: Forgotten) -> None:
        """Users leave everything."""
        before = stood(self._table, forgotten.rows)
        was = standing.member(before.standings)
        self._move(forgotten.rows, forgotten.at_us, np.zeros_like(was), was, before)
        none = np.full_like(before.clusters, NO_CLUSTER)
        self._move_clusters(forgotten.at_us, before, UserStandings(before.standings, none, none))

    def settle(self) -> Delta | None:
        """What all comes to; what is kept of the users is written."""
        cohorts = list(self._cohorts())
        if self._brought:
            self._add_sessions(self._brought.sessions)
            self._add_conversions(self._brought.conversions)
        if not cohorts and not self._days:
            return None
        accounts = self._accounts
        return Delta(accounts.segments, accounts.models, list(self._days.deltas()), cohorts)

    def _enter(self, verdicts: Verdicts) -> None:
        """Note who is in a segment, or held out of it, and does not count there yet.

        Members who do not were in it when its series began: for that they enter.
        """
        judgement, rows, at_us = verdicts.judgement, verdicts.rows, verdicts.frame.now_us
        member = judgement.member.T
        inside = member | judgement.held_out.T
        users, segments = np.nonzero(inside & (words.entered(self._table, rows) == 0))
        if not len(users):
            return
        # Of each the first: a user's verdicts stand in the order of time.
        first = np.unique(self._keys(rows[users], segments), return_index=True)[1]
        users, segments = users[first], segments[first]
        moments = standing.standing(inside, ~member, at_us[:, None])[users, segments]
        carried = np.zeros(member.shape, np.bool_)
        told = zip(self._keys(rows[users], segments).tolist(), moments.tolist(), strict=True)
        for at, (key, moment) in enumerate(told):
            if self._entering.setdefault(key, moment) is moment:
                user, segment = users[at], segments[at]
                carried[user, segment] = (
                    member[user, segment] & judgement.was_member.T[user, segment]
                )
        if np.any(carried):
            none = np.zeros(carried.shape, np.int64)
            self._days.move(at_us, carried, np.zeros_like(carried), none)

    def _move(
        self, rows: Rows, at_us: Moments, entries: Mask, exits: Mask, before: UserStandings
    ) -> None:
        """Count entries and exits, bool[n, s]: only those leave who count in the series."""
        stayed_us = at_us[:, None] - standing.entered_us(before.standings)
        counted = exits & (words.entered(self._table, rows) != 0)
        for user, segment in np.argwhere(exits & ~counted).tolist():
            moment = self._entering.get(int(rows[user]) * len(self._accounts.segments) + segment)
            counted[user, segment] = moment is not None and moment <= at_us[user]
        self._days.move(at_us, entries, counted, stayed_us)

    def _move_clusters(self, at_us: Moments, before: UserStandings, after: UserStandings) -> None:
        for model in range(before.clusters.shape[1]):
            into, out_of = after.clusters[:, model], before.clusters[:, model]
            at = np.flatnonzero(into != out_of)
            stayed_us = np.maximum(at_us - before.clusters_since[:, model], 0)
            self._days.move_clusters(model, at_us[at], into[at], out_of[at], stayed_us[at])

    def _cohorts(self) -> Iterator[CohortDelta]:
        """What users add to cohorts."""
        brought = self._brought
        activity = brought.activity if brought else np.zeros((STRATUM + 1, 0), np.int64)
        conversions = brought.conversions if brought else np.zeros((VALUE + 1, 0), np.int64)
        keys = np.fromiter(self._entering, np.int64, len(self._entering))
        entering, segments = np.divmod(keys, max(len(self._accounts.segments), 1))
        rows = np.unique(np.concatenate([activity[ROW], conversions[ROW], entering]))
        if not len(rows):
            return
        before = KeptOutcomes.read(self._table, rows)
        after, cohorts = before.copy(), self._accounts.cohorts
        told = activity[:, activity[STRATUM] != words.NO_STRATUM]
        after.stratum[np.searchsorted(rows, told[ROW])] = told[STRATUM]
        moments = np.zeros(before.entered.shape, np.int64)
        acting, first = np.unique(activity[ROW], return_index=True)
        moments[np.searchsorted(rows, acting), -1] = np.maximum(activity[ACTIVE][first], 1)
        values = np.fromiter(self._entering.values(), np.int64, len(keys))
        moments[np.searchsorted(rows, entering), segments] = values
        cohorts.enter(after, moments)
        cohorts.act(after, np.searchsorted(rows, activity[ROW]), activity[ACTIVE])
        users = np.searchsorted(rows, conversions[ROW])
        cohorts.bring(after, users, conversions[TIME], conversions[OUTCOME], conversions[VALUE])
        after.write(self._table, rows)
        yield from cohorts.deltas(before, after)

    def _add_sessions(self, sessions: Ints) -> None:
        """Add what sessions came to, by how their users stood as each began."""
        sessions = sessions[:, np.argsort(sessions[ROW], kind="stable")]
        rows, of = np.unique(sessions[ROW], return_inverse=True)
        if not len(rows):
            return
        runs, table = Runs(of), self._table
        opened = np.flatnonzero(sessions[OPENED])
        at_us = sessions[OPENED][opened]
        began = self._history.at(sessions[ROW][opened], sessions[POSITION][opened])
        # Behind those that go on, as they stood when they began, the ones that begin here.
        day = np.append(table.cells(words.SESSION_DAY).take_one(rows), days(at_us))
        groups = np.vstack([table.cells(words.SESSION_GROUPS).take(rows), began.groups(at_us)])
        clusters = np.vstack(
            [
                table.cells(words.SESSION_CLUSTERS).take(rows),
                began.clusters_at(at_us, NO_CLUSTER),
            ]
        )
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
        self._days.add(day[at], groups[at], clusters[at], measures, 0)

    def _add_conversions(self, conversions: Ints) -> None:
        """Add conversions, by how their users stood at each."""
        if not conversions.shape[1]:
            return
        at_us, outcome = conversions[TIME], conversions[OUTCOME]
        found = self._history.at(conversions[ROW], conversions[POSITION])
        k = len(self._accounts.outcomes.names)
        numbers = np.zeros((len(at_us), 2 * k), np.int64)
        each = np.arange(len(at_us))
        numbers[each, outcome] = 1
        numbers[each, k + outcome] = conversions[VALUE]
        groups, clusters = found.groups(at_us), found.clusters_at(at_us, NO_CLUSTER)
        first = self._accounts.outcomes.session_width
        self._days.add(days(at_us), groups, clusters, numbers, first)

    def _keys(self, rows: Rows, segments: Ints) -> Ints:
        """A number for each of some users and segments."""
        return rows * len(self._accounts.segments) + segments
