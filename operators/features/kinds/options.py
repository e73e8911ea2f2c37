"""The options that kinds of several families take; those of one family stand with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from operators.base.durations import US_PER_UNIT, parse_duration_us
from operators.base.errors import Problem, UsageError, nearest
from operators.features.filters import PropertyFilter
from operators.features.kinds.definition import Definition, Option

ANY: Final = "any"

UNITS_US: Final = {
    "seconds": US_PER_UNIT["s"],
    "minutes": US_PER_UNIT["m"],
    "hours": US_PER_UNIT["h"],
    "days": US_PER_UNIT["d"],
}
_MINUTES: Final = "minutes"
NUMBER: Final = "number"


@dataclass(frozen=True)
class Names(Option[Any]):
    """One name or several, none empty, and none twice."""

    type: Any = str | list[str]

    def problems_of_value(self, path: str, value: Any, feature: Definition) -> Iterator[Problem]:
        if value in ([], "") or (isinstance(value, list) and "" in value):
            yield Problem(path, "expected at least one name, and none empty")
        elif isinstance(value, list) and len(set(value)) < len(value):
            yield Problem(path, "a name stands here twice")


@dataclass(frozen=True)
class EventTypes(Names):
    """Event types: one, several, or `any`."""

    def event_types(self, value: Any) -> Sequence[str]:
        return types_of(value) or ()


@dataclass(frozen=True)
class PropertyName(Option[str]):
    """The name of a property of events."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        if value == "":
            yield Problem(path, "expected the name of a property of the events")


@dataclass(frozen=True)
class Word(Option[str]):
    """One of some words."""

    type: Any = str
    words: tuple[str, ...] = ()

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        if value not in self.words:
            yield problem_of_word(path, value, " or ".join(self.words), self.words)


@dataclass(frozen=True)
class Length(Option[str]):
    """A duration."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        try:
            parse_duration_us(value)
        except UsageError as error:
            yield Problem(path, str(error))


@dataclass(frozen=True)
class PropertyCondition(Option[str]):
    """A condition over the properties of events."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        try:
            PropertyFilter(value)
        except UsageError as error:
            yield Problem(path, str(error))


@dataclass(frozen=True)
class Categories(Names):
    """Values of a text; a number has none."""

    type: Any = list[str]

    def problems_of_value(self, path: str, value: Any, feature: Definition) -> Iterator[Problem]:
        yield from super().problems_of_value(path, value, feature)
        if feature.get(TYPE) == NUMBER:
            yield Problem(path, "only a category is one-hot encoded, not a number")


@dataclass(frozen=True)
class Zone(Option[str]):
    """A name of the tz database."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        zones = available_timezones()
        if value not in zones:
            expected = "a time zone such as UTC or Europe/Berlin"
            yield problem_of_word(path, value, expected, sorted(zones))


OF: Final = EventTypes("of")
WHERE: Final = PropertyCondition("where")
TYPE: Final = Word("type", words=("category", NUMBER))  # of the property that is read
UNIT: Final = Word("unit", words=tuple(UNITS_US), shown=True)
ONE_HOT: Final = Categories("one_hot", shown=True)


def problem_of_word(path: str, value: str, expected: str, allowed: Collection[str]) -> Problem:
    """What to say of a word that is none of those allowed."""
    return Problem(path, f"expected {expected}, found '{value}'{nearest(value, list(allowed))}")


def types_of(value: str | list[str] | None) -> tuple[str, ...] | None:
    """The event types that a value names, None for all."""
    types = [value] if isinstance(value, str) else value
    return None if not types or ANY in types else tuple(types)


def counted_types(feature: Definition) -> tuple[str, ...] | None:
    """The event types that count, None for all: those the kind is of, else those of `of`."""
    of_types = isinstance(feature.options[0], EventTypes)
    return types_of(feature.value if of_types else feature.get(OF))


def unit_text(feature: Definition) -> str | None:
    """The unit of an age or a duration, minutes by default; None for what has none."""
    return (feature.get(UNIT) or _MINUTES) if UNIT in feature.options else None


def unit_us(feature: Definition) -> int:
    """The length of one unit of an age or a duration in microseconds."""
    return UNITS_US[feature.get(UNIT) or _MINUTES]
