"""Features as people write them in the configuration, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from operators.durations import US_PER_UNIT, parse_duration_us
from operators.errors import Problem, UsageError, nearest
from operators.features.choice import Filter
from operators.features.tiling import Tiling

ANY: Final = "any"
SESSION: Final = "session"
LIFETIME: Final = "lifetime"

UNITS_US: Final = {
    "seconds": US_PER_UNIT["s"],
    "minutes": US_PER_UNIT["m"],
    "hours": US_PER_UNIT["h"],
    "days": US_PER_UNIT["d"],
}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED: Final = frozenset({"cluster", "user", "version"})


class FeatureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature: exactly one kind (the first block), and what that kind takes."""

    count: str | list[str] | None = None
    sum: str | None = None
    mean: str | None = None
    min: str | None = None
    max: str | None = None
    last: str | None = None
    first: str | None = None
    since: str | list[str] | None = None
    since_first: str | list[str] | None = None
    distinct: str | None = None
    duration: str | None = None
    sessions: str | None = None
    funnel: list[str] | None = None

    of: str | list[str] | None = None
    where: str | None = None
    window: str | None = None
    tile: str | None = None
    within: str | None = None
    unit: str | None = None
    one_hot: list[str] | None = None
    type: str | None = None

    @property
    def kind(self) -> str:
        """The name of the kind, of a spec that `problems` finds nothing in."""
        return self._kinds()[0]

    @property
    def event_types(self) -> tuple[str, ...] | None:
        """The event types that count, None for all."""
        chosen = self.of if self.of is not None else (self.count or self.since or self.since_first)
        types = [chosen] if isinstance(chosen, str) else chosen
        return None if not types or ANY in types else tuple(types)

    @property
    def known_types(self) -> tuple[str, ...]:
        """The event types that the feature has to tell apart."""
        named = self.funnel if self.funnel is not None else self.event_types or ()
        return tuple(name for name in named if name != ANY)

    @property
    def reads(self) -> str | None:
        """The property of the event that the feature reads, if it reads one."""
        return next(filter(None, (getattr(self, kind) for kind in _READING)), None)

    @property
    def reads_number(self) -> bool:
        """Whether that property is a number; else it is a text."""
        return self.kind in _NUMERIC or self.type == "number"

    @property
    def window_text(self) -> str | None:
        """The window as written, wherever the kind has it."""
        return self.sessions or self.window

    @property
    def unit_text(self) -> str:
        """The unit of an age or a duration; minutes by default."""
        return self.unit or "minutes"

    @property
    def unit_us(self) -> int:
        """The length of one unit of an age or a duration in microseconds."""
        return UNITS_US[self.unit_text]

    def tiling(self) -> Tiling | None:
        """The tiles of the window, or None for `session` and `lifetime`.

        Raises:
            UsageError: the window or the tile can't be used.
        """
        if self.window_text in (None, SESSION, LIFETIME):
            return None
        return Tiling.cut(str(self.window_text), self.tile)

    def _kinds(self) -> list[str]:
        return [kind for kind in _TAKES if getattr(self, kind) is not None]


_TAKES: Final[Mapping[str, frozenset[str]]] = {
    "count": frozenset({"where", "window", "tile"}),
    **dict.fromkeys(("sum", "mean", "min", "max"), frozenset({"of", "where", "window", "tile"})),
    **dict.fromkeys(("last", "first"), frozenset({"of", "where", "one_hot", "type"})),
    **dict.fromkeys(("since", "since_first"), frozenset({"where", "unit"})),
    "distinct": frozenset({"of", "where", "window", "tile"}),
    "duration": frozenset({"unit"}),
    "sessions": frozenset({"tile"}),
    "funnel": frozenset({"within"}),
}
_OPTIONS: Final = ("of", "where", "window", "tile", "within", "unit", "one_hot", "type")
_TYPES: Final = ("category", "number")
_NUMERIC: Final = ("sum", "mean", "min", "max")
_READING: Final = (*_NUMERIC, "last", "first", "distinct")
_FEWEST_STEPS: Final = 2
_MOST_STEPS: Final = 20
_NEEDS_WINDOW: Final = frozenset({"count", "distinct", *_NUMERIC})


def problems(features: Mapping[str, FeatureSpec]) -> Iterator[Problem]:
    """Every mistake in the features of a configuration."""
    for name, spec in features.items():
        path = f"features.{name}"
        if not _NAME.fullmatch(name):
            yield Problem(path, "expected a name of letters, digits and _, up to 100 of them")
        if name in _RESERVED:
            yield Problem(path, f"'{name}' is taken: it names a column of every assignment")
        kinds = spec._kinds()
        if len(kinds) == 1:
            yield from _problems_of_kind(path, kinds[0], spec)
        else:
            found = f"found {' and '.join(kinds)}" if kinds else "found none"
            yield Problem(path, f"expected one of {', '.join(_TAKES)}, {found}")


def _problems_of_kind(path: str, kind: str, spec: FeatureSpec) -> Iterator[Problem]:
    for option in _OPTIONS:
        if getattr(spec, option) is not None and option not in _TAKES[kind]:
            allowed = ", ".join(sorted(_TAKES[kind]))
            yield Problem(f"{path}.{option}", f"'{kind}' takes {allowed}; not '{option}'")
    for option, allowed_values in (("duration", (SESSION,)), ("unit", UNITS_US), ("type", _TYPES)):
        yield from _problem_of_choice(f"{path}.{option}", getattr(spec, option), allowed_values)
    if spec.type == "number" and spec.one_hot is not None:
        yield Problem(f"{path}.one_hot", "only a category is one-hot encoded, not a number")
    yield from _problems_of_names(path, spec)
    yield from _problems_of_window(path, kind, spec)
    if kind == "funnel":
        yield from _problems_of_funnel(path, spec)
    if spec.where is not None:
        try:
            Filter(spec.where)
        except UsageError as error:
            yield Problem(f"{path}.where", str(error))


def _problem_of_choice(path: str, value: str | None, allowed: Collection[str]) -> Iterator[Problem]:
    if value is not None and value not in allowed:
        hint = nearest(value, list(allowed))
        yield Problem(path, f"expected {' or '.join(allowed)}, found '{value}'{hint}")


def _problems_of_names(path: str, spec: FeatureSpec) -> Iterator[Problem]:
    for option in ("count", "since", "since_first", "of", "one_hot"):
        values = getattr(spec, option)
        if values in ([], "") or (isinstance(values, list) and "" in values):
            yield Problem(f"{path}.{option}", "expected at least one name, and none empty")
        elif isinstance(values, list) and len(set(values)) < len(values):
            yield Problem(f"{path}.{option}", "a name stands here twice")
    for option in _READING:
        if getattr(spec, option) == "":
            yield Problem(f"{path}.{option}", "expected the name of a property of the events")


def _problems_of_funnel(path: str, spec: FeatureSpec) -> Iterator[Problem]:
    steps = spec.funnel or []
    if not _FEWEST_STEPS <= len(steps) <= _MOST_STEPS or "" in steps:
        wanted = f"expected {_FEWEST_STEPS} to {_MOST_STEPS} event types in their order"
        yield Problem(f"{path}.funnel", f"{wanted}, found {len(steps)}")
    if spec.within is None:
        yield Problem(f"{path}.within", "expected a duration such as 30m")
        return
    try:
        parse_duration_us(spec.within)
    except UsageError as error:
        yield Problem(f"{path}.within", str(error))


def _problems_of_window(path: str, kind: str, spec: FeatureSpec) -> Iterator[Problem]:
    if kind == "sessions" and spec.sessions == SESSION:
        yield Problem(f"{path}.sessions", "expected lifetime or a duration such as 30d")
    if kind in _NEEDS_WINDOW and spec.window is None:
        yield Problem(f"{path}.window", "expected session, lifetime or a duration such as 1h")
    try:
        tiling = spec.tiling()
    except UsageError as error:
        yield Problem(f"{path}.window", f"{error}, or session or lifetime")
    else:
        if spec.tile is not None and tiling is None:
            yield Problem(f"{path}.tile", "only a window of a duration has tiles")
