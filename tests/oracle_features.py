"""What the features of a user say at a moment, computed in the slowest and plainest way.

Part of the oracle: no arrays, and no code shared with the product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tests.oracle import User

SECOND = 1_000_000
UNITS = {"seconds": SECOND, "minutes": 60 * SECOND, "hours": 3600 * SECOND, "days": 86400 * SECOND}
EXACTLY = 64  # events that an exact window tells apart
CALENDAR = ("today", "yesterday", "this_week", "this_month", "last_month")
LETTERS = {"ms": 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND}


@dataclass(frozen=True)
class Event:
    """What the oracle knows of an event."""

    user: str
    time: int
    type: str
    session: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


def micros(text: str) -> int:
    """'5m' -> 300000000."""
    digits = text.rstrip("smhd")
    return round(float(digits) * LETTERS[text[len(digits) :]])


class Asked:
    """One feature of a user, asked for at a moment."""

    def __init__(self, user: User, name: str, now: int) -> None:
        self.user = user
        self.name = name
        self.spec = user.features[name]
        self.now = now
        self.unit = UNITS[self.spec.get("unit", "minutes")]

    def value(self) -> Any:
        """What the method says that is named after the kind; in a spec the kind stands first."""
        return getattr(self, f"_{next(iter(self.spec))}")()

    def _count(self) -> float:
        events = self._windowed(self.spec["count"])
        if self.spec.get("exact") and len(events) <= EXACTLY:
            begins = max(self.now, self.user.newest) - micros(self.spec["window"])
            near = [e for e in self._events(self.spec["count"]) if e.time > begins]
            return float(min(len(near), EXACTLY + 1))
        return float(len(events))

    def _sessions(self) -> float:
        return float(sum(opened for _, opened in self._within(self.spec["sessions"])))

    def _sum(self) -> float:
        return float(sum(self._values("sum")))

    def _mean(self) -> float | None:
        values = self._values("mean")
        return sum(values) / len(values) if values else None

    def _min(self) -> float | None:
        return min(self._values("min"), default=None)

    def _max(self) -> float | None:
        return max(self._values("max"), default=None)

    def _median(self) -> float | None:
        return self._point("median", 50)

    def _percentile(self) -> float | None:
        return self._point("percentile", self.spec["at"])

    def _point(self, kind: str, percent: float) -> float | None:
        """By the line through the values in their order, the newest 64 of the window."""
        events = self._windowed(self._of())
        known = [event for event in events if event.properties.get(self.spec[kind]) is not None]
        newest = sorted(known, key=lambda event: event.time)[-64:]
        values = sorted(event.properties[self.spec[kind]] for event in newest)
        if not values:
            return None
        place, rest = divmod((len(values) - 1) * percent / 100, 1)
        low, high = values[int(place)], values[min(int(place) + 1, len(values) - 1)]
        return float(low + (high - low) * rest)

    def _distinct(self) -> float:
        return float(len(set(self._values("distinct"))))

    def _most_frequent(self) -> str | None:
        read = self.spec["most_frequent"]
        events = [e for e in self._windowed(self._of()) if e.properties.get(read) is not None]
        shown = {event.properties[read] for event in events}
        if not shown:
            return None

        def rank(value: str) -> tuple[int, int, str]:
            times = [event.time for event in events if event.properties[read] == value]
            return -len(times), -max(times), value

        return str(min(shown, key=rank))

    def _unique_list(self) -> list[str]:
        """The newest first; of one moment, the last to arrive."""
        read = self.spec["unique_list"]
        found: list[str] = []
        for event in sorted(self._windowed(self._of()), key=lambda event: event.time):
            value = event.properties.get(read)
            if value is not None:
                found = [value, *(other for other in found if other != value)]
        return found[: self.spec.get("most", 10)]

    def _per_session(self) -> float | None:
        window = self.spec["window"]
        sessions = sum(opened for _, opened in self._within(window))
        return len(self._windowed(self.spec["per_session"])) / sessions if sessions else None

    def _bounce_rate(self) -> float | None:
        user = self.user
        within = {id(event) for event, opened in self._within(self.spec["bounce_rate"]) if opened}
        begun = [
            number
            for event, number in zip(user.events, user.sessions, strict=True)
            if id(event) in within
        ]
        single = [number for number in begun if user.sessions.count(number) == 1]
        return len(single) / len(begun) if begun else None

    def _rate(self) -> float | None:
        types, (window, baseline) = self.spec["rate"], (self.spec["window"], self.spec["baseline"])
        events = self._events(types)
        usual = self._windowed(types, baseline, self.user.tiles[self.name])
        recent = self._windowed(types, window, self.user.tiles[f"{self.name}.window"])
        if not usual or self.now < min(event.time for event in events) + micros(baseline):
            return None
        return (len(recent) / micros(window)) / (len(usual) / micros(baseline))

    def _unmatched(self) -> float:
        same, by = self.spec["same"], self._wanted(self.spec["by"])
        begun: dict[str, int] = {}
        for event in self._windowed(self.spec["unmatched"]):
            value = event.properties.get(same)
            if value is not None:
                begun[value] = max(begun.get(value, 0), event.time)
        matching = [event for event in self.user.events if by is None or event.type in by]
        matched = {
            value
            for value, time in begun.items()
            if any(event.properties.get(same) == value and event.time >= time for event in matching)
        }
        return float(len(begun) - len(matched))

    def _decayed_count(self) -> float:
        return self._decayed([(e.time, 1.0) for e in self._events(self.spec["decayed_count"])])

    def _decayed_sum(self) -> float:
        read = self.spec["decayed_sum"]
        events = [e for e in self._events(self._of()) if e.properties.get(read) is not None]
        return self._decayed([(event.time, event.properties[read]) for event in events])

    def _decayed(self, amounts: Sequence[tuple[int, float]]) -> float:
        step = micros(self.spec["half_life"]) // 32
        now = max(self.now, self.user.newest) // step
        left = sum(amount * 2 ** ((time // step - now) / 32) for time, amount in amounts)
        return left if abs(left) >= 0.001 else 0.0

    def _funnel(self) -> float:
        return float(len(self._best_way()))

    def _funnel_time(self) -> float | None:
        way = self._best_way()
        return max(way[-1].time - way[0].time, 0) / self.unit if len(way) > 1 else None

    def _best_way(self) -> list[Event]:
        """The events of the longest way; of these the newest, and the first to come to its end.

        Every event is tried as the beginning; each step is taken at the first chance.
        """
        names = self.spec.get("funnel") or self.spec["funnel_time"]
        within = micros(self.spec["within"])
        best: list[Event] = []
        ranks: tuple[int, int, int] = (0, 0, 0)
        for at, first in enumerate(self.user.events):
            steps, way, reached = list(names), list[Event](), at
            if self.now - first.time > within:
                continue
            for position, event in enumerate(self.user.events[at:], at):
                wanted = self._wanted(steps[0]) if steps else ()
                in_time = event.time - first.time <= within
                if in_time and (wanted is None or event.type in wanted):
                    steps.pop(0)
                    way.append(event)
                    reached = position
                elif event is first:
                    break
            rank = (len(way), first.time, -reached)
            if way and rank > ranks:
                best, ranks = way, rank
        return best

    def _last(self) -> Any:
        newest, value = -1, self.spec.get("default")
        for event in self._traits() + self._events(self._of()):
            read = event.properties.get(self.spec["last"])
            if read is not None and event.time >= newest:
                newest, value = event.time, read
        return value

    def _first(self) -> Any:
        known = [
            (event.time, at, event.properties[self.spec["first"]])
            for at, event in enumerate(self._traits() + self._events(self._of()))
            if event.properties.get(self.spec["first"]) is not None
        ]
        return min(known)[2] if known else self.spec.get("default")

    def _since(self) -> float | None:
        times = self._times("since")
        return max(self.now - max(times), 0) / self.unit if times else None

    def _since_first(self) -> float | None:
        times = self._times("since_first")
        return max(self.now - min(times), 0) / self.unit if times else None

    def _times(self, kind: str) -> list[int]:
        has = self.spec.get("has")
        events = self._events(self.spec[kind])
        return [e.time for e in events if has is None or e.properties.get(has) is not None]

    def _since_change(self) -> float | None:
        newest, value, since = -1, None, None
        for event in self._events(self._of()):
            read = event.properties.get(self.spec["since_change"])
            if read is not None and event.time >= newest:
                since = event.time if read != value else since
                newest, value = event.time, read
        return None if since is None else max(self.now - since, 0) / self.unit

    def _hour(self) -> float | None:
        local = self._local(self.spec["hour"])
        return None if local is None else float(local.hour)

    def _weekday(self) -> float | None:
        local = self._local(self.spec["weekday"])
        return None if local is None else float(local.isoweekday())

    def _local(self, types: str | Sequence[str]) -> datetime | None:
        """What a clock on the wall showed at the newest event."""
        times = [event.time for event in self._events(types)]
        if not times:
            return None
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(times))
        return moment.astimezone(ZoneInfo(self.spec.get("zone", "UTC")))

    def _duration(self) -> float | None:
        session = self.user.session
        if session is None or not self._in_session():
            return None
        return (session.last - session.start) / self.unit

    def _returned_after(self) -> float | None:
        session = self.user.session
        if session is None or session.ended is None:
            return None
        return max(session.start - session.ended, 0) / self.unit

    def _values(self, kind: str) -> list[Any]:
        """The values of a property in the window, where it has one."""
        read = [event.properties.get(self.spec[kind]) for event in self._windowed(self._of())]
        return [value for value in read if value is not None]

    def _of(self) -> str | Sequence[str]:
        of: str | Sequence[str] = self.spec.get("of", "any")
        return of

    def _traits(self) -> list[Event]:
        """What a roster says of the user, whatever the types are."""
        return [record for record in self.user.roster if self._chosen("any", record)]

    def _events(self, types: str | Sequence[str]) -> list[Event]:
        return [event for event in self.user.events if self._chosen(types, event)]

    def _windowed(
        self, types: str | Sequence[str], window: str | None = None, tile: int | None = None
    ) -> list[Event]:
        within = self._within(window or self.spec["window"], tile)
        found = [event for event, _ in within if self._chosen(types, event)]
        if not self.spec.get("exact"):
            return found
        begins = max(self.now, self.user.newest) - micros(self.spec["window"])
        near = [event for event in self._events(types) if event.time > begins]
        kind = next(iter(self.spec))
        if kind not in ("count", "sum", "mean", "min", "max"):
            return near
        known = [
            e for e in near if kind == "count" or e.properties.get(self.spec[kind]) is not None
        ]
        return near if len(known) <= EXACTLY else found

    def _within(self, window: str, tile: int | None = None) -> list[tuple[Event, bool]]:
        """The events in a window, and whether each opened a session."""
        user = self.user
        every = list(zip(user.events, user.opened, user.sessions, strict=True))
        if window == "lifetime":
            return [(event, opened) for event, opened, _ in every]
        if window == "session":
            current = user.number if self._in_session() else 0
            return [(event, opened) for event, opened, number in every if number == current]
        if window in CALENDAR:
            return [(e, opened) for e, opened, _ in every if self._in_calendar(window, e.time)]
        length = tile or user.tiles[self.name]
        newest = max(self.now, user.newest) // length
        oldest = newest - micros(window) // length + 1
        return [(e, opened) for e, opened, _ in every if oldest <= e.time // length <= newest]

    def _in_calendar(self, window: str, time: int) -> bool:
        day, today = self._date(time), self._date(max(self.now, self.user.newest))
        first = today.replace(day=1)
        match window:
            case "today":
                return day == today
            case "yesterday":
                return day == today - timedelta(days=1)
            case "this_week":
                return day.isocalendar()[:2] == today.isocalendar()[:2]
            case "this_month":
                return day.replace(day=1) == first
        return day.replace(day=1) == (first - timedelta(days=1)).replace(day=1)

    def _date(self, time: int) -> date:
        """What a calendar on the wall shows."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
        return moment.astimezone(ZoneInfo(self.spec.get("zone", "UTC"))).date()

    def _active_days(self) -> float:
        window = self.spec["window"]
        times = [event.time for event in self._events(self.spec["active_days"])]
        if window in CALENDAR:
            times = [time for time in times if self._in_calendar(window, time)]
        else:
            today = self._date(max(self.now, self.user.newest))
            first = today - timedelta(days=int(window.removesuffix("d")) - 1)
            times = [time for time in times if self._date(time) >= first]
        return float(len({self._date(time) for time in times}))

    def _in_session(self) -> bool:
        session = self.user.session
        return session is not None and self.now <= session.last + self.user.gap

    def _chosen(self, types: str | Sequence[str], event: Event) -> bool:
        wanted = self._wanted(types)
        if wanted is not None and event.type not in wanted:
            return False
        condition = self.spec.get("where")
        if condition is None:
            return True
        return self.user.conditions.holds(condition, event.properties) is True

    @staticmethod
    def _wanted(types: str | Sequence[str]) -> Sequence[str] | None:
        """None for all."""
        wanted = [types] if isinstance(types, str) else types
        return None if "any" in wanted else wanted
