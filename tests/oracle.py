"""The dumb oracle: what flockwise must say, computed in the slowest and plainest way.

One user, one event at a time, no arrays, and no code shared with the product. It reads the
features as the configuration's mappings have them and conditions as SQLite does.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps, loads
from typing import Any

from tests.oracle_features import SECOND, Asked, Event, micros
from tests.segments_oracle import Person, Spec

__all__ = [
    "SECOND",
    "Conditions",
    "Event",
    "Segments",
    "Session",
    "User",
    "micros",
    "replay",
]


@dataclass
class Session:
    """A user's current session."""

    id: str | None
    start: int
    last: int
    ended: int | None = None  # the last event of the session before


class User:
    """One user's accepted events, in the order of arrival, and what they say at a moment.

    `tiles` gives the tile length of each windowed feature by name, `retained` the tile length
    and number of tiles by which an event is late; both are stated in the documentation.
    """

    def __init__(
        self,
        features: Mapping[str, Mapping[str, Any]],
        tiles: Mapping[str, int],
        retained: tuple[int, int],
        gap: int,
        by_id: bool,
    ) -> None:
        self.features = features
        self.tiles = tiles
        self.retained = retained
        self.gap = gap
        self.by_id = by_id
        self.events: list[Event] = []
        self.sessions: list[int | None] = []  # of each event, None outside all sessions
        self.opened: list[bool] = []
        self.session: Session | None = None
        self.number = 0
        self.newest = -1
        self.conditions = Conditions()
        self.roster: list[Event] = []

    def enroll(self, traits: Mapping[str, Any]) -> None:
        """Take a record of a roster: no event, but values that are older than any."""
        self.roster.append(Event("", 0, "", None, traits))

    def add(self, event: Event) -> bool:
        """Take an event; False if it is late."""
        tile, count = self.retained
        if self.events and event.time // tile < self.newest // tile - count + 1:
            return False
        before = self.number
        joined = self._join(event)
        self.events.append(event)
        self.sessions.append(self.number if joined else None)
        self.opened.append(self.number > before)
        self.newest = max(self.newest, event.time)
        return True

    def anew(self) -> User:
        """Somebody of whom nothing is known."""
        return User(self.features, self.tiles, self.retained, self.gap, self.by_id)

    def _join(self, event: Event) -> bool:
        own = event.session if self.by_id else None
        session = self.session
        if session is not None:
            if own is not None:
                joins = own == session.id
            else:
                joins = session.start - self.gap <= event.time <= session.last + self.gap
            if joins:
                session.start = min(session.start, event.time)
                session.last = max(session.last, event.time)
                return True
            if event.time < session.start:
                return False
        ended = None if session is None else session.last
        self.session = Session(own, event.time, event.time, ended)
        self.number += 1
        return True

    def value(self, name: str, now: int) -> Any:
        """One feature at a moment."""
        return Asked(self, name, now).value()

    def values(self, now: int) -> dict[str, Any]:
        """All features at a moment."""
        return {name: self.value(name, now) for name in self.features}


class Conditions:
    """SQL conditions, judged by SQLite."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:")
        self._members: set[str] = set()
        self._database.create_function("in_segment", 1, lambda name: name in self._members)
        self._database.create_function("contains", 2, lambda found, text: text in loads(found))
        # SQLite's own are of ASCII only, and its LIKE is what ILIKE is elsewhere.
        self._database.create_function("lower", 1, lambda text: text and text.lower())
        self._database.create_function("upper", 1, lambda text: text and text.upper())
        self._database.execute("PRAGMA case_sensitive_like = ON")

    def holds(
        self, condition: str, values: Mapping[str, Any], members: set[str] | None = None
    ) -> bool | None:
        """True, False, or None for unknown, of a member of some segments."""
        self._members = members or set()
        columns = ", ".join(f'? AS "{name}"' for name in values)
        query = f"SELECT ({condition}) FROM (SELECT {columns})"
        given = [dumps(each) if isinstance(each, list) else each for each in values.values()]
        result = self._database.execute(query, given).fetchone()[0]
        return None if result is None else bool(result)


@dataclass
class Segments:
    """The segments of a configuration, without holdouts, for one user."""

    specs: Mapping[str, Mapping[str, Any]]
    user: str

    def __post_init__(self) -> None:
        self._conditions = Conditions()
        self._person = Person(self.user)
        self._specs = {name: _segment(spec) for name, spec in self.specs.items()}

    def members(self) -> set[str]:
        """The segments that the user is in."""
        return self._person.members()

    def judge(self, values: Mapping[str, Any], now: int) -> list[tuple[str, str]]:
        """Who enters and leaves what at a moment."""

        def holds(condition: str, members: set[str]) -> bool | None:
            return self._conditions.holds(condition, values, members)

        return self._person.judge(self._specs, set(), holds, now)


def _segment(spec: Mapping[str, Any]) -> Spec:
    conditions = " ".join(spec.get(name, "") for name in ("when", "leave_when"))
    return Spec(
        when=spec.get("when"),
        leave_when=spec.get("leave_when"),
        min_dwell=micros(spec.get("min_dwell", "0s")),
        cooldown=micros(spec.get("cooldown", "0s")),
        members=spec.get("members", ()),
        opens=_moment(spec["from"]) if "from" in spec else None,
        closes=_moment(spec["until"]) if "until" in spec else None,
        group=spec.get("group"),
        priority=spec.get("priority", 0),
        paused=spec.get("paused", False),
        asks=frozenset(re.findall(r"in_segment\('([^']*)'\)", conditions)),
    )


def _moment(text: str) -> int:
    """An ISO 8601 text in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def replay(
    user: User,
    events: Iterable[Event],
    segments: Mapping[str, Mapping[str, Any]],
    resolution: int,
    as_of: int,
    lifetime: tuple[int, int] | None = None,
) -> list[tuple[int, str, str]]:
    """All transitions (time, segment, kind) of one user by events in the order of arrival.

    There is one at least. Time is the user's own, up to each event and in the end to `as_of`. The
    user is judged at every multiple of the resolution, whatever happened there, and forgotten as
    `forgotten_at` says, if `lifetime` gives its two lengths of time.
    """
    events = list(events)
    memberships = Segments(segments, events[0].user)
    transitions: list[tuple[int, str, str]] = []

    def judge(now: int) -> bool:
        """Judge, or forget: False."""
        nonlocal user, memberships
        if lifetime is not None and now >= forgotten_at(user.newest, *lifetime):
            transitions.extend((now, name, "leave") for name in memberships.members())
            user, memberships = user.anew(), Segments(segments, memberships.user)
            return False
        moves = memberships.judge(user.values(now), now)
        transitions.extend((now, segment, kind) for segment, kind in moves)
        return True

    now: int | None = None
    for event in events:
        end = (event.time // resolution + 1) * resolution
        while now is not None and now < end:
            now = now + resolution if judge(now) else None
        now = end if now is None else now
        user.add(event)
    while now is not None and now <= as_of:
        now = now + resolution if judge(now) else None
    if now is not None:
        judge(as_of)
    return transitions


def forgotten_at(newest: int, after: int, step: int) -> int:
    """When a user without events since `newest` is forgotten: at a multiple of `step`."""
    due = newest + after
    return due if due % step == 0 else due - due % step + step
