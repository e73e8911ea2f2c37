"""What messages come to for outcomes: who did what, by how they stood as they did it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.features.brought import ROW, Brought
from operators.features.lifetime import Forgotten
from operators.membership.clusterings import NO_CLUSTER
from operators.membership.verdicts import Verdicts, stood
from operators.outcomes import kept as words
from operators.outcomes.attribution import History, UserStandings
from operators.outcomes.days import CLUSTER_MOVE_COLUMNS, MOVE_COLUMNS, moves
from operators.outcomes.delta import Delta
from operators.outcomes.notes import Notes
from operators.outcomes.periods import days
from operators.outcomes.sessions import (
    MEASURES,
    OPENED,
    POSITION,
    STRATUM,
    TIME,
    VALUE,
)
from operators.outcomes.settling import Accounts, Settlement
from operators.pages.table import UserTable
from operators.rules import standing

_NOBODY: Final[Rows] = np.zeros(0, np.int64)
_WIDTHS: Final = (MEASURES, VALUE + 1, STRATUM + 1)
_NOTHING: Final = Brought(*(np.zeros((rows, 0), np.int64) for rows in _WIDTHS))


class Account:
    """The account of a lane. Whoever judges opens it for each message, tells it of every verdict,
    and closes it; from time to time all that was noted meanwhile is settled.

    To settle costs the more numpy calls the more often it is done, and nobody reads what is kept of
    users before. Until then the notes lie in state of their own: see `take_note`.

    Args:
        accounts: what is measured.
        table: the members.
    """

    def __init__(self, accounts: Accounts, table: UserTable) -> None:
        self._accounts, self._table = accounts, table
        self._notes: list[Notes] = []
        self._fresh: bytes | None = None
        # The standings of those who come to count in a segment, by the key of both.
        self._entering: dict[int, int] = {}
        self.open(None, now=True)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is noted."""
        return not self._notes

    @property
    def waiting(self) -> int:
        """How many sessions and conversions are noted and not settled."""
        return sum(map(len, self._notes))

    @property
    def rows(self) -> Rows:
        """The users whose notes are not settled, ascending."""
        rows: Rows = np.unique(np.concatenate([_NOBODY, *(note.rows for note in self._notes)]))
        return rows

    def open(self, brought: Brought | None, *, now: bool) -> None:
        """Begin with a message: how users stand now is how they stood before it.

        `brought` is what users did, in rows of the table; `now` says that they did it before any
        verdict of the message, as it is by the wall clock.
        """
        self._brought, self._now = brought, now
        self._history: History | None = None
        if brought:  # of these alone it is asked how they stood
            opened = brought.sessions[ROW][brought.sessions[OPENED] != 0]
            rows = np.unique(np.concatenate([opened, brought.conversions[ROW]]))
            self._history = History(rows, stood(self._table, rows))
        self._moves: list[Ints] = []
        self._cluster_moves: list[Ints] = []
        self._entered: list[Ints] = []

    def add(self, verdicts: Verdicts) -> None:
        """Users were judged."""
        self._enter(verdicts)
        changed, before, after = verdicts.changed, verdicts.before, verdicts.after
        if not len(changed):
            return
        rows, at_us = verdicts.rows[changed], verdicts.frame.now_us[changed]
        if self._history and not self._now:
            self._history.changed(rows, at_us, after)
        was, is_ = standing.member(before.standings), standing.member(after.standings)
        self._move(rows, at_us, is_ & ~was, was & ~is_, before)
        self._move_clusters(at_us, before, after)

    def forget(self, forgotten: Forgotten) -> None:
        """Users leave everything; all is to be settled before their rows are free."""
        before = stood(self._table, forgotten.rows)
        was = standing.member(before.standings)
        self._move(forgotten.rows, forgotten.at_us, np.zeros_like(was), was, before)
        none = np.full_like(before.clusters, NO_CLUSTER)
        self._move_clusters(forgotten.at_us, before, UserStandings(before.standings, none, none))

    def close(self) -> None:
        """Note what the message comes to."""
        note = self._note()
        if note is not None:
            self._notes.append(note)
            self._fresh = note.to_bytes(self._accounts.segments)
        self.open(None, now=True)

    def take_note(self) -> bytes | None:
        """What is to be kept of the last message until all is settled, None if nothing."""
        fresh, self._fresh = self._fresh, None
        return fresh

    def restore(self, kept: Iterable[bytes]) -> None:
        """Take up what was noted and not settled, maybe by other segments."""
        for data in kept:
            note = Notes.from_bytes(data, self._accounts.segments)
            self._notes.append(note)
            for row, segment, moment in note.entering.T.tolist():
                self._entering.setdefault(row * len(self._accounts.segments) + segment, moment)

    def settle(self) -> Delta | None:
        """What all comes to; what is kept of the users is written, whom the caller may change."""
        if not self._notes:
            return None
        notes = Notes.together(self._notes)
        self._notes, self._fresh, self._entering = [], None, {}
        return Settlement(self._accounts, self._table, notes).delta()

    def _note(self) -> Notes | None:
        """What the message comes to, None if nothing."""
        brought = self._brought
        if not (brought or self._moves or self._cluster_moves or self._entered):
            return None
        sessions, conversions, activity = (brought or _NOTHING).tables
        opened = np.flatnonzero(sessions[OPENED]) if brought else _NOBODY
        began = self._stood(sessions[:, opened], OPENED)
        return Notes(
            sessions,
            began,
            conversions,
            self._stood(conversions, TIME),
            activity,
            _joined(self._entered, 3),
            _joined(self._moves, MOVE_COLUMNS),
            _joined(self._cluster_moves, CLUSTER_MOVE_COLUMNS),
        )

    def _stood(self, done: Ints, time: int) -> Ints:
        """In which groups, and below these in which clusters, users were as they did something.

        `time` is the row of its moments; gives int64[s + m, n].
        """
        if self._history is None or not done.shape[1]:
            return np.zeros(
                (len(self._accounts.segments) + len(self._accounts.models), 0), np.int64
            )
        found, at_us = self._history.at(done[ROW], done[POSITION]), done[time]
        return np.vstack([found.groups(at_us).T, found.clusters_at(at_us, NO_CLUSTER).T])

    def _enter(self, verdicts: Verdicts) -> None:
        """Note who is in a segment, or held out of it, and does not count there yet.

        Members who do not were in it when its series began: for that they enter.
        """
        judgement, rows, at_us = verdicts.judgement, verdicts.rows, verdicts.frame.now_us
        member, inside = judgement.member.T, judgement.round.inside.T
        users, segments = np.nonzero(inside & (words.entered(self._table, rows) == 0))
        if not len(users):
            return
        # Of each the first: a user's verdicts stand in the order of time.
        first = np.unique(self._keys(rows[users], segments), return_index=True)[1]
        users, segments = users[first], segments[first]
        moments = standing.standing(inside, ~member, at_us[:, None])[users, segments]
        new, carried = np.ones(len(users), np.bool_), np.zeros(member.shape, np.bool_)
        told = zip(self._keys(rows[users], segments).tolist(), moments.tolist(), strict=True)
        for at, (key, moment) in enumerate(told):
            new[at] = self._entering.setdefault(key, moment) is moment
            if new[at]:
                user, segment = users[at], segments[at]
                carried[user, segment] = (
                    member[user, segment] & judgement.was_member.T[user, segment]
                )
        self._entered.append(np.stack([rows[users], segments, moments])[:, new])
        if np.any(carried):
            none = np.zeros(carried.shape, np.int64)
            self._moves.append(moves(at_us, carried, np.zeros_like(carried), none))

    def _move(
        self, rows: Rows, at_us: Moments, entries: Mask, exits: Mask, before: UserStandings
    ) -> None:
        """Note entries and exits, bool[n, s]: only those leave who count in the series."""
        stayed_us = at_us[:, None] - standing.entered_us(before.standings)
        counted = exits & (words.entered(self._table, rows) != 0)
        for user, segment in np.argwhere(exits & ~counted).tolist():
            moment = self._entering.get(int(rows[user]) * len(self._accounts.segments) + segment)
            counted[user, segment] = moment is not None and moment <= at_us[user]
        self._moves.append(moves(at_us, entries, counted, stayed_us))

    def _move_clusters(self, at_us: Moments, before: UserStandings, after: UserStandings) -> None:
        at, model = np.nonzero(after.clusters != before.clusters)
        if len(at):
            stayed_us = np.maximum(at_us[at] - before.clusters_since[at, model], 0)
            into, out_of = after.clusters[at, model], before.clusters[at, model]
            self._cluster_moves.append(np.stack([model, days(at_us[at]), into, out_of, stayed_us]))

    def _keys(self, rows: Rows, segments: Ints) -> Ints:
        """A number for each of some users and segments."""
        return rows * len(self._accounts.segments) + segments


def _joined(tables: Sequence[Ints], rows: int) -> Ints:
    return np.concatenate([np.zeros((rows, 0), np.int64), *tables], axis=1)
