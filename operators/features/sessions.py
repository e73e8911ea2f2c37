"""Sessions: a user's events in arrival order, cut where the id changes or the gap is too long.

The rule for an event at time t with session id s (None where there is none):
- the first event of a user opens a session;
- with an id: it belongs to the current session if the ids are equal; else it opens a new one,
  unless it is older than the current session's start: then it belongs to an earlier session
  and counts in none;
- without an id: it belongs to the current session if it lies within the gap before its start
  or after its last event; later than that it opens a new one, earlier it counts in none.
A session is over, too, when the gap has passed since its last event; with an id, another event
of the same id brings it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.pages.layout import Field
from operators.pages.table import UserTable

NO_SESSION: Final = 0  # sessions of a user are numbered from 1
OUTSIDE: Final = -1  # the number that an event of no session has
NEVER_ENDED: Final = -1  # there was no session before the current one

FIELDS: Final = (
    Field("session.number", "i8", initial=NO_SESSION),
    Field("session.id", "i8", initial=-1, coded=True),
    Field("session.start_us", "i8"),
    Field("session.last_us", "i8"),
    Field("session.ended_us", "i8", initial=NEVER_ENDED),  # the session before the current one
)


@dataclass(frozen=True)
class EventSessions:
    """Each event's session number int64[n] (OUTSIDE for none), and which events opened one."""

    number: Ints
    opened: Mask


@dataclass
class _Current:
    """The current session of each touched user, by group."""

    number: Ints
    id: Ints
    start_us: Moments
    last_us: Moments
    ended_us: Moments

    @classmethod
    def read(cls, table: UserTable, rows: Rows) -> _Current:
        return cls(*(table.cells(field.name).take_one(rows) for field in FIELDS))

    def write(self, table: UserTable, rows: Rows) -> None:
        values = (self.number, self.id, self.start_us, self.last_us, self.ended_us)
        for field, column in zip(FIELDS, values, strict=True):
            table.cells(field.name).put_one(rows, column)


def fold(table: UserTable, arrivals: Arrivals, gap_us: int) -> EventSessions:
    """Carry the users' sessions on over these events, and say which event is in which."""
    current = _Current.read(table, arrivals.touched)
    before_us = np.where(current.number == NO_SESSION, -1, current.last_us)
    sessions = _in_order(arrivals, current, before_us, gap_us)
    previous_us = arrivals.previous(arrivals.time_us, before_us)
    hard = arrivals.time_us < previous_us
    if arrivals.session is not None:
        hard |= arrivals.session < 0
    groups = np.unique(arrivals.group[hard])
    _carry_on(current, arrivals, sessions, groups, previous_us)
    for group in groups.tolist():
        _one_by_one(arrivals, current, sessions, group, gap_us)
    current.write(table, arrivals.touched)
    return sessions


def in_current(table: UserTable, arrivals: Arrivals, sessions: EventSessions) -> Mask:
    """Which events are in what is their user's current session after the batch, bool[n]."""
    current = table.cells("session.number").take_one(arrivals.rows)
    inside: Mask = (sessions.number == current) & (sessions.number != OUTSIDE)
    return inside


def active(table: UserTable, rows: Rows, now_us: Moments, gap_us: int) -> Mask:
    """Whether each user is in a session at a moment: bool[rows]."""
    number = table.cells("session.number").take_one(rows)
    last_us = table.cells("session.last_us").take_one(rows)
    in_one: Mask = (number != NO_SESSION) & (now_us <= last_us + gap_us)
    return in_one


def over_us(table: UserTable, rows: Rows, gap_us: int) -> Moments:
    """The first moment at which each user's current session is over, int64[rows]."""
    return table.cells("session.last_us").take_one(rows) + gap_us + 1


def _in_order(
    arrivals: Arrivals, current: _Current, before_us: Moments, gap_us: int
) -> EventSessions:
    """The rule in closed form, right for users whose events came in the order of their times."""
    if arrivals.session is None:
        opened = arrivals.time_us - arrivals.previous(arrivals.time_us, before_us) > gap_us
    else:
        opened = arrivals.session != arrivals.previous(arrivals.session, current.id)
    opened[arrivals.starts] |= current.number == NO_SESSION
    so_far: Ints = np.cumsum(opened)
    before = (so_far - opened)[arrivals.starts]
    return EventSessions((current.number - before)[arrivals.group] + so_far, opened)


def _carry_on(
    current: _Current, arrivals: Arrivals, sessions: EventSessions, hard: Ints, previous_us: Moments
) -> None:
    """Set the current sessions after the batch, but for the groups that are hard."""
    easy = np.ones(len(arrivals.touched), np.bool_)
    easy[hard] = False
    opening = np.where(sessions.opened, np.arange(len(arrivals)), -1)
    latest = np.maximum.reduceat(opening, arrivals.starts) if len(arrivals) else opening
    moved = easy & (latest >= 0)
    current.start_us[moved] = arrivals.time_us[latest[moved]]
    current.ended_us[moved] = previous_us[latest[moved]]
    last = arrivals.last
    current.last_us[easy] = arrivals.time_us[last[easy]]
    current.number[easy] = sessions.number[last[easy]]
    if arrivals.session is not None:
        current.id[easy] = arrivals.session[last[easy]]


def _one_by_one(
    arrivals: Arrivals, current: _Current, sessions: EventSessions, group: int, gap_us: int
) -> None:
    """The rule as it stands above, for a user whose events came out of order or without ids."""
    start = int(arrivals.starts[group])
    end = int(arrivals.last[group]) + 1
    number, id_ = int(current.number[group]), int(current.id[group])
    start_us, last_us = int(current.start_us[group]), int(current.last_us[group])
    ended_us = int(current.ended_us[group])
    ids = arrivals.session[start:end].tolist() if arrivals.session is not None else None
    for at, time_us in enumerate(arrivals.time_us[start:end].tolist()):
        own = ids[at] if ids is not None else -1
        within = start_us - gap_us <= time_us <= last_us + gap_us
        joins = number != NO_SESSION and (own == id_ if own >= 0 else within)
        opens = not joins and (number == NO_SESSION or time_us >= start_us)
        if opens:
            ended_us = NEVER_ENDED if number == NO_SESSION else last_us
            number, id_, start_us, last_us = number + 1, own, time_us, time_us
        elif joins:
            start_us, last_us = min(start_us, time_us), max(last_us, time_us)
        sessions.opened[start + at] = opens
        sessions.number[start + at] = number if opens or joins else OUTSIDE
    current.number[group], current.id[group] = number, id_
    current.start_us[group], current.last_us[group] = start_us, last_us
    current.ended_us[group] = ended_us
