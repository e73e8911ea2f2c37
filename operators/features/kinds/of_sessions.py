"""Features of sessions: how long they are, how far apart, how many there were, and how short.

`duration`, `sessions`, `returned_after`, `per_session`, `bounce_rate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.base.runs import begins
from operators.features.accumulators import EventCount, SessionCount
from operators.features.derived import Ratio
from operators.features.kinds.definition import Definition
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, Remembered, zero
from operators.features.kinds.options import UNIT, WHERE, EventTypes, Word, unit_us
from operators.features.kinds.window_options import BEYOND_SESSIONS, TILE, ZONE, WindowLength
from operators.features.sessions import NEVER_ENDED, OUTSIDE, active
from operators.features.shared_windows import COUNTS, WindowPart
from operators.features.windows import LIFETIME, NOT_COUNTED, SESSION, BatchUpdate, Window
from operators.pages.layout import Field
from operators.pages.table import UserTable


@dataclass(frozen=True)
class Duration:
    """From the first to the last event of the current session; not known when it is over."""

    gap_us: int
    unit_us: int

    def fields(self) -> tuple[Field, ...]:
        return ()  # it is the sessions'

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        pass  # sessions are carried on for all

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        start_us = table.cells("session.start_us").take_one(rows)
        length_us = table.cells("session.last_us").take_one(rows) - start_us
        current = active(table, rows, now_us, self.gap_us)
        return np.where(current, length_us / self.unit_us, np.nan), None


@dataclass(frozen=True)
class ReturnedAfter:
    """From the end of the session before to the beginning of the newest, whether or not it lasts.

    Not known in a user's first session.
    """

    unit_us: int

    def fields(self) -> tuple[Field, ...]:
        return ()  # it is the sessions'

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        pass  # sessions are carried on for all

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        ended_us = table.cells("session.ended_us").take_one(rows)
        # Below 0 only where ids say that sessions overlap.
        away_us = np.maximum(table.cells("session.start_us").take_one(rows) - ended_us, 0)
        return np.where(ended_us == NEVER_ENDED, np.nan, away_us / self.unit_us), None


_COLUMNS: Final = 2  # of the window: sessions begun, and those of them that have one event
_BEGUN, _SINGLE = range(_COLUMNS)


@dataclass(frozen=True)
class BounceRate:
    """The share of the sessions begun in a window that have a single event, until another comes.

    Not known where no session was begun. State: the window, and the epoch in which the current
    session began while it has one event.
    """

    name: str
    window: Window

    def fields(self) -> tuple[Field, ...]:
        return self.window.field(), Field(self.name, "i8", initial=NOT_COUNTED)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        self.window.turn(table, update)
        if update.sessions is None:
            return
        arrivals = update.arrivals
        inside = np.flatnonzero(update.sessions.number != OUTSIDE)
        rows, opened = arrivals.rows[inside], update.sessions.opened[inside]
        begun = np.where(opened, self.window.epochs(table, update)[inside], NOT_COUNTED)
        # Of the event before: the epoch of a session that has no other yet.
        first = begins(rows)
        single = np.append(NOT_COUNTED, begun[:-1])[: len(rows)]
        cells = table.cells(self.name)
        single[first] = cells.take_one(rows[first])
        cells.put_one(rows, begun)  # of one user's the last stays
        for column in (_BEGUN, _SINGLE):
            counted = begun != NOT_COUNTED
            self.window.add(table, column, rows[counted], begun[counted], 1)
        ended = ~opened & (single != NOT_COUNTED) & self.window.live(table, rows, single)
        self.window.add(table, _SINGLE, rows[ended], single[ended], -1)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        (begun, single), change_us = self.window.look(table, rows, now_us)
        return single / np.where(begun, begun, np.nan), change_us


def _duration(feature: Compilation) -> Compiled:
    return feature.alone(Duration(feature.session_gap_us, unit_us(feature.definition)))


def _returned_after(feature: Compilation) -> Compiled:
    return feature.alone(ReturnedAfter(unit_us(feature.definition)))


def _away_us(_: Definition, users: Remembered) -> int | None:
    # With ids, an event of another session may be newer than the end of the one before.
    return None if users.session_ids else users.longest_us + users.max_skew_us


def _sessions(feature: Compilation) -> Compiled:
    return feature.in_window(SessionCount(), COUNTS)


def _per_session(feature: Compilation) -> Compiled:
    events, sessions = feature.part("events"), feature.part("sessions")
    return Compiled(
        parts=(
            WindowPart(events, feature.span, EventCount(feature.events), COUNTS),
            WindowPart(sessions, feature.span, SessionCount(), COUNTS),
        ),
        derived=Ratio((events, sessions)),
    )


def _bounce_rate(feature: Compilation) -> Compiled:
    return feature.alone(BounceRate(feature.state, feature.own_counts(_COLUMNS)))


KINDS: Final = (
    FeatureKind(
        Word("duration", words=(SESSION,), spans=True),
        takes=(UNIT,),
        compile=_duration,
        of_sessions=True,
    ),
    FeatureKind(
        WindowLength("sessions", words=(LIFETIME,)),
        takes=(TILE, ZONE),
        compile=_sessions,
        empty=zero,
        counts=True,
        of_sessions=True,
    ),
    FeatureKind(
        Word("returned_after", words=(SESSION,), spans=True),
        takes=(UNIT,),
        compile=_returned_after,
        of_sessions=True,
        ended_us=_away_us,
    ),
    FeatureKind(
        EventTypes("per_session"),
        takes=(WHERE, BEYOND_SESSIONS, TILE, ZONE),
        compile=_per_session,
        of_sessions=True,
    ),
    FeatureKind(
        WindowLength("bounce_rate", words=(LIFETIME,)),
        takes=(TILE, ZONE),
        compile=_bounce_rate,
        of_sessions=True,
    ),
)
