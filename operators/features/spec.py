"""Features as people write them in the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from operators.base.durations import US_PER_UNIT, parse_duration_us
from operators.features.tiling import Tiling

ANY: Final = "any"
SESSION: Final = "session"
LIFETIME: Final = "lifetime"
UTC: Final = "UTC"

UNITS_US: Final = {
    "seconds": US_PER_UNIT["s"],
    "minutes": US_PER_UNIT["m"],
    "hours": US_PER_UNIT["h"],
    "days": US_PER_UNIT["d"],
}


class FeatureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature: exactly one kind (the first block), and what that kind takes."""

    count: str | list[str] | None = None
    sum: str | None = None
    mean: str | None = None
    min: str | None = None
    max: str | None = None
    median: str | None = None
    percentile: str | None = None
    last: str | None = None
    first: str | None = None
    since: str | list[str] | None = None
    since_first: str | list[str] | None = None
    since_change: str | None = None
    hour: str | list[str] | None = None
    weekday: str | list[str] | None = None
    distinct: str | None = None
    most_frequent: str | None = None
    unique_list: str | None = None
    decayed_count: str | list[str] | None = None
    decayed_sum: str | None = None
    rate: str | list[str] | None = None
    unmatched: str | list[str] | None = None
    funnel: list[str] | None = None
    funnel_time: list[str] | None = None
    duration: str | None = None
    sessions: str | None = None
    returned_after: str | None = None
    per_session: str | list[str] | None = None
    bounce_rate: str | None = None

    of: str | list[str] | None = None
    by: str | list[str] | None = None
    same: str | None = None
    has: str | None = None
    at: float | None = None
    most: int | None = None
    where: str | None = None
    window: str | None = None
    baseline: str | None = None
    tile: str | None = None
    half_life: str | None = None
    within: str | None = None
    unit: str | None = None
    zone: str | None = None
    one_hot: list[str] | None = None
    type: str | None = None
    default: str | float | None = None

    @property
    def kinds(self) -> list[str]:
        """The names of the kinds that are given; there should be one."""
        return [kind for kind in TAKES if getattr(self, kind) is not None]

    @property
    def kind(self) -> str:
        """The name of the kind, of a spec in which `checks.problems` finds none."""
        return self.kinds[0]

    @property
    def event_types(self) -> tuple[str, ...] | None:
        """The event types that count, None for all."""
        chosen = getattr(self, self.kind) if self.kind in NAMES_TYPES else self.of
        return _named(chosen)

    @property
    def matching_types(self) -> tuple[str, ...] | None:
        """The event types that match those that count, None for all."""
        return _named(self.by)

    @property
    def steps(self) -> list[str]:
        """The steps of a funnel in their order; none of what is no funnel."""
        return self.funnel or self.funnel_time or []

    @property
    def known_types(self) -> tuple[str, ...]:
        """The event types that the feature has to tell apart."""
        named = (*(self.event_types or ()), *(self.matching_types or ()), *self.steps)
        return tuple(name for name in named if name != ANY)

    @property
    def reads(self) -> str | None:
        """The property of the event that the feature reads, if it reads one."""
        read = (getattr(self, kind) for kind in READING)
        return next(filter(None, read), self.same or self.has)

    @property
    def reads_number(self) -> bool:
        """Whether that property is a number; else it is a text."""
        return self.kind in NUMERIC or self.type == "number"

    @property
    def window_text(self) -> str | None:
        """The window as written, wherever the kind has it."""
        return self.sessions or self.bounce_rate or self.window

    @property
    def unit_text(self) -> str | None:
        """The unit of an age or a duration, minutes by default; None for what has none."""
        return (self.unit or "minutes") if "unit" in TAKES[self.kind] else None

    @property
    def unit_us(self) -> int:
        """The length of one unit of an age or a duration in microseconds."""
        return UNITS_US[self.unit or "minutes"]

    @property
    def half_life_us(self) -> int:
        """The half-life of what decays.

        Raises:
            UsageError: it is no duration.
        """
        return parse_duration_us(self.half_life or "")

    def tiling(self) -> Tiling | None:
        """The tiles of the window, or None for `session` and `lifetime`.

        Raises:
            UsageError: the window or the tile can't be used.
        """
        if self.window_text in (None, SESSION, LIFETIME):
            return None
        return Tiling.cut(str(self.window_text), self.tile)

    def tilings(self) -> Iterator[Tiling]:
        """The tiles of the window and of the baseline, where they have any."""
        tiling = self.tiling()
        if tiling is not None:
            yield tiling
        if self.baseline is not None:
            yield Tiling.cut(self.baseline, None)


def _named(types: str | list[str] | None) -> tuple[str, ...] | None:
    chosen = [types] if isinstance(types, str) else types
    return None if not chosen or ANY in chosen else tuple(chosen)


# What each kind takes, in the order in which messages name the kinds.
TAKES: Final[Mapping[str, frozenset[str]]] = {
    "count": frozenset({"where", "window", "tile"}),
    **dict.fromkeys(("sum", "mean", "min", "max"), frozenset({"of", "where", "window", "tile"})),
    "median": frozenset({"of", "where", "window", "tile"}),
    "percentile": frozenset({"at", "of", "where", "window", "tile"}),
    **dict.fromkeys(("last", "first"), frozenset({"of", "where", "one_hot", "type", "default"})),
    **dict.fromkeys(("since", "since_first"), frozenset({"has", "type", "where", "unit"})),
    "since_change": frozenset({"of", "where", "type", "unit"}),
    **dict.fromkeys(("hour", "weekday"), frozenset({"where", "zone"})),
    "distinct": frozenset({"of", "where", "window", "tile"}),
    "most_frequent": frozenset({"of", "where", "window", "tile", "one_hot"}),
    "unique_list": frozenset({"of", "where", "window", "tile", "most"}),
    "decayed_count": frozenset({"where", "half_life"}),
    "decayed_sum": frozenset({"of", "where", "half_life"}),
    "rate": frozenset({"where", "window", "baseline"}),
    "unmatched": frozenset({"by", "same", "where", "window", "tile"}),
    "funnel": frozenset({"within"}),
    "funnel_time": frozenset({"within", "unit"}),
    "duration": frozenset({"unit"}),
    "sessions": frozenset({"tile"}),
    "returned_after": frozenset({"unit"}),
    "per_session": frozenset({"where", "window", "tile"}),
    "bounce_rate": frozenset({"tile"}),
}
NAMES_TYPES: Final = frozenset(
    {
        *("count", "since", "since_first", "hour", "weekday"),
        *("decayed_count", "rate", "unmatched", "per_session"),
    }
)
NUMERIC: Final = ("sum", "mean", "min", "max", "median", "percentile", "decayed_sum")
READING: Final = (
    *(*NUMERIC, "last", "first", "since_change"),
    *("distinct", "most_frequent", "unique_list"),
)
AGING: Final = frozenset({"since", "since_first", "since_change"})
CATEGORIES: Final = frozenset({"last", "first", "most_frequent"})  # unless they read numbers
COUNTING: Final = frozenset(  # 0 where there is nothing
    {
        *("count", "sum", "distinct", "sessions", "funnel"),
        *("unmatched", "decayed_count", "decayed_sum"),
    }
)
OF_THINGS: Final = frozenset({"count", "distinct", "sessions", "unmatched", "decayed_count"})
OF_SESSIONS: Final = frozenset(
    {"duration", "sessions", "returned_after", "per_session", "bounce_rate"}
)
