"""What segments are worth, the dumb way: one user, one event at a time, and plain dictionaries.

It is told what each user did, in the order of arrival, and how they entered and left segments, and
shares no code with the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

DAY = 86_400_000_000
MEMBERS, HELD_OUT, OTHERS = "members", "held_out", "others"


@dataclass(frozen=True)
class Done:
    """An event that counts: its session, None outside of all, and whether it opened that.

    `came` is when it came by the wall clock, None where that says nothing.
    """

    time: int
    type: str
    value: float | None
    session: int | None
    opened: bool
    stratum: str | None = None
    came: int | None = None


@dataclass(frozen=True)
class Move:
    """A user comes to be in a segment at a moment, held out of it, or neither."""

    at: int
    segment: str
    to: str


@dataclass(frozen=True)
class Asked:
    """What is measured: event types by outcome, with a value or not; pages, funnel, cohorts."""

    outcomes: Mapping[str, tuple[set[str], bool]]
    pages: set[str]
    funnel: Sequence[str]
    cohorts: str
    strata: Sequence[str] = ()


def day_of(moment: int) -> str:
    return date.fromordinal(moment // DAY + date(1970, 1, 1).toordinal()).isoformat()


def period_of(moment: int, unit: str) -> str:
    """The day on which a period begins."""
    found = datetime.fromtimestamp(moment // 1_000_000, UTC).date()
    if unit == "week":
        found -= timedelta(days=found.weekday())
    if unit == "month":
        found = found.replace(day=1)
    return found.isoformat()


def later(first: str, then: str, unit: str) -> int:
    """How many periods lie between two."""
    one, other = date.fromisoformat(first), date.fromisoformat(then)
    if unit == "month":
        return 12 * (other.year - one.year) + other.month - one.month
    return (other - one).days // {"day": 1, "week": 7}[unit]


@dataclass
class Group:
    """The numbers of a group on a day, by their names."""

    numbers: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class Taken:
    """The numbers of a cohort."""

    users: int = 0
    converted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    conversions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    value: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    squares: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    retained: dict[int, int] = field(default_factory=lambda: defaultdict(int))


class Worth:
    """Everything: by (segment, day, group), (segment, day), (segment, cohort, stratum, group).

    With `both` the last is another segment.
    """

    def __init__(self, asked: Asked, segments: Sequence[str]) -> None:
        self.asked, self.segments = asked, segments
        self.groups: dict[tuple[str, str, str], Group] = defaultdict(Group)
        self.entries: dict[tuple[str, str], int] = defaultdict(int)
        self.exits: dict[tuple[str, str], int] = defaultdict(int)
        self.stayed: dict[tuple[str, str], int] = defaultdict(int)
        self.cohorts: dict[tuple[str, str, str | None, str], Taken] = defaultdict(Taken)
        self.both: dict[tuple[str, str, str | None, str], Taken] = defaultdict(Taken)

    def add(self, events: Iterable[Done], moves: Iterable[Move]) -> None:
        """One user, with their events in the order of arrival and their moves in that of time."""
        events, moves = list(events), list(moves)
        self._count_moves(moves)
        self._count_days(events, moves)
        self._count_cohorts(events, moves)

    def _count_moves(self, moves: Sequence[Move]) -> None:
        inside: dict[str, int] = {}
        for move in moves:
            if move.to == MEMBERS:
                self.entries[move.segment, day_of(move.at)] += 1
                inside[move.segment] = move.at
            elif move.segment in inside:
                self.exits[move.segment, day_of(move.at)] += 1
                self.stayed[move.segment, day_of(move.at)] += move.at - inside.pop(move.segment)

    def _count_days(self, events: Sequence[Done], moves: Sequence[Move]) -> None:
        reached = -1
        session: dict[str, Any] = {}
        for event in events:
            reached = max(reached, event.time)
            known = [
                x for x in moves if (x.at <= reached if event.came is None else x.at < event.came)
            ]
            stood = {name: self._stood(name, known, event.time) for name in self.segments}
            if event.session is not None:
                if event.opened:
                    session = self._opened(event, stood)
                self._go_on(session, event)
            for name in self._outcomes(event):
                day = day_of(event.time)
                self._count(stood, day, f"conversions {name}", 1)
                self._count(stood, day, f"value {name}", self._value(name, event))

    def _opened(self, event: Done, stood: Mapping[str, str]) -> dict[str, Any]:
        session = {"stood": stood, "day": day_of(event.time), "last": event.time}
        session |= {"pages": 0, "step": 0, "converted": set()}
        self._count(stood, session["day"], "sessions", 1)
        return session

    def _go_on(self, session: dict[str, Any], event: Done) -> None:
        stood, day, asked = session["stood"], session["day"], self.asked
        self._count(stood, day, "seconds", max(event.time - session["last"], 0) / 1_000_000)
        session["last"] = max(event.time, session["last"])
        if event.type in asked.pages:
            session["pages"] += 1
            self._count(stood, day, "pages", 1)
            self._count(stood, day, "bounces", {1: 1, 2: -1}.get(session["pages"], 0))
        step = session["step"]
        if step < len(asked.funnel) and event.type == asked.funnel[step]:
            session["step"] += 1
            self._count(stood, day, f"step {step}", 1)
        for name in self._outcomes(event):
            if name not in session["converted"]:
                session["converted"].add(name)
                self._count(stood, day, f"converted {name}", 1)
            self._count(stood, day, f"session value {name}", self._value(name, event))

    def _count_cohorts(self, events: Sequence[Done], moves: Sequence[Move]) -> None:
        if not events:
            return
        unit = self.asked.cohorts
        known = (event.stratum for event in events if event.stratum in self.asked.strata)
        stratum = next(known, None)
        entered = {}
        for move in moves:
            if move.to != OTHERS:
                entered.setdefault(move.segment, move)
        for name in self.segments:
            first = entered.get(name)
            since = events[0].time if first is None else first.at
            own = [e for e in events if first is None or e.time >= since]
            group = OTHERS if first is None else first.to
            period = period_of(since, unit)
            acted = {later(period, period_of(e.time, unit), unit) for e in own}
            self._take(
                self.cohorts[name, period, stratum, group], own, {0} | {x for x in acted if x > 0}
            )
            if group != MEMBERS:
                continue
            for other in self.segments:
                if other != name and other in entered and entered[other].to == MEMBERS:
                    self._take(self.both[name, period, stratum, other], own, set())

    def _take(self, taken: Taken, own: Sequence[Done], acted: Iterable[int]) -> None:
        taken.users += 1
        for period in acted:
            if period < 64:
                taken.retained[period] += 1
        for name in self.asked.outcomes:
            values = [self._value(name, e) for e in own if name in self._outcomes(e)]
            taken.converted[name] += bool(values)
            taken.conversions[name] += len(values)
            taken.value[name] += sum(values)
            taken.squares[name] += sum(values) ** 2

    def _stood(self, segment: str, moves: Sequence[Move], moment: int) -> str:
        """How the user stood at a moment, as far as the last of these changes tells."""
        known = [x for x in moves if x.segment == segment]
        if not known:
            return OTHERS
        if moment >= known[-1].at:
            return known[-1].to
        return OTHERS if known[-1].to != OTHERS else MEMBERS

    def _outcomes(self, event: Done) -> list[str]:
        return [name for name, (types, _) in self.asked.outcomes.items() if event.type in types]

    def _value(self, name: str, event: Done) -> float:
        return (event.value or 0.0) if self.asked.outcomes[name][1] else 0.0

    def _count(self, stood: Mapping[str, str], day: str, what: str, number: float) -> None:
        for segment, group in stood.items():
            self.groups[segment, day, group].numbers[what] += number
