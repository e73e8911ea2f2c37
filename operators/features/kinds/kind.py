"""What a kind of feature is, and what a feature of it is compiled to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any, TypeVar

from operators.base.frame import Kind
from operators.features.accumulators import Accumulator
from operators.features.calendar import Calendar
from operators.features.derived import Derived
from operators.features.feature import StatefulFeature
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.options import WHERE, counted_types
from operators.features.kinds.window_options import (
    calendar,
    sliding,
    tiling,
    window_text,
    window_tilings,
)
from operators.features.properties import Property
from operators.features.shared_windows import COUNTS, SUMS, CellType, Span, WindowPart, window
from operators.features.tiling import Tiling
from operators.features.windows import Limits, Window

T = TypeVar("T")


@dataclass(frozen=True)
class Compiled:
    """What computes a feature, and keeps its state; only a feature has the feature's own name.

    It is one of the `parts`, which share windows with those of others, or stands in `own` with
    fields for itself, or is `derived` from what is in these.
    """

    parts: tuple[WindowPart, ...] = ()
    own: Mapping[str, StatefulFeature] = field(default_factory=dict)
    derived: Derived | None = None


@dataclass(frozen=True)
class Compilation:
    """A feature that is to be compiled, with all that its configuration says of it.

    `events` are those that count, `reads` the property that is read, `known_types` the event
    types that the whole configuration tells apart.
    """

    name: str
    kind: FeatureKind
    definition: Definition
    events: EventFilter
    known_types: Sequence[str]
    session_gap_us: int

    @classmethod
    def of(
        cls,
        name: str,
        kind: FeatureKind,
        definition: Definition,
        known_types: Sequence[str],
        session_gap_us: int,
    ) -> Compilation:
        """Prepare a definition in which `checks.problems` finds no mistake."""
        types, where = counted_types(definition), definition.get(WHERE)
        events = EventFilter.of(types, known_types, where)
        return cls(name, kind, definition, events, known_types, session_gap_us)

    @property
    def state(self) -> str:
        """What its own fields and sets are named after."""
        return f"{self.kind.name}.{self.name}"

    @property
    def reads(self) -> Property | None:
        """The property of events that it reads, if it reads one."""
        return self.kind.reads(self.definition)

    @property
    def property_name(self) -> str:
        """The name of the property that it reads."""
        return self.reads.name if self.reads is not None else ""

    @property
    def tiles(self) -> Tiling | Calendar | None:
        """The tiles or periods of its window, or None for `session` and `lifetime`."""
        return tiling(self.definition) or calendar(self.definition)

    @property
    def limits(self) -> Limits | None:
        """The moments that its window has, or None for `session` and `lifetime`."""
        return sliding(self.definition) or self.tiles

    @property
    def exact(self) -> bool:
        """Whether its window has an exact edge."""
        return sliding(self.definition) is not None

    @property
    def span(self) -> Span:
        """How far back its window reaches."""
        return self.tiles or str(window_text(self.definition))

    def get(self, option: Option[T]) -> T | None:
        """The value of an option, None if none is given."""
        return self.definition.get(option)

    def part(self, of: str) -> str:
        """The name of one of its parts."""
        return f"{self.name}.{of}"

    def in_window(self, accumulator: Accumulator, cells: CellType = SUMS) -> Compiled:
        """A feature that is one number in a window."""
        return Compiled(parts=(WindowPart(self.name, self.span, accumulator, cells),))

    def alone(self, feature: StatefulFeature) -> Compiled:
        """A feature that keeps its state to itself."""
        return Compiled(own={self.name: feature})

    def own_counts(self, columns: int) -> Window:
        """A window of so many numbers that it has for itself."""
        return window(f"{self.state}.counts", self.span, COUNTS, columns, self.session_gap_us)

    def of_types(self, types: Sequence[str] | None) -> EventFilter:
        """Other events than those that count: those of these types, None for all."""
        return EventFilter.of(types, self.known_types)


@dataclass(frozen=True)
class Remembered:
    """For how long users are remembered after their newest event, and how events are told.

    `longest_us` is that time at most; events come up to `max_skew_us` ahead of time, and with
    `session_ids` they say what session they are of.
    """

    longest_us: int
    max_skew_us: int
    session_ids: bool


def no_property(_: Definition) -> Property | None:
    """Of a kind that reads no property of events."""
    return None


def unknown(_: Definition) -> float:
    """Of a kind that has nothing to say of a user without events."""
    return nan


def zero(_: Definition) -> float:
    """Of a kind that is 0 where there is nothing."""
    return 0.0


def _no_lengths(_: Definition) -> Iterator[tuple[int, Option[Any]]]:
    return iter(())


def _never_ended(_: Definition, __: Remembered) -> int | None:
    return None


@dataclass(frozen=True)
class FeatureKind:
    """A kind of feature, all of it; `registry.FEATURE_KINDS` has every one.

    Options: `value` has the kind's name and says what it is of, `takes` what else there may be.

    What it presents: `presents` is how its column is read, a NUMBER instead of a CATEGORY where
    a number is read; of numbers, `empty` is what there is to say of a user without events, and
    `counts` whether they count things, as `FeatureColumn` has them.

    Events: what property of them it `reads`; `of_sessions` if it is made of sessions whatever its
    window is; `tilings` of the windows in which it counts, and how far else it `looks_back` in
    microseconds, with the options that say so: users must not be forgotten before. `ended_us` is
    how long the length of time that it tells gets where they are; None if that doesn't end it.

    `compile` makes what keeps the state and computes the values.
    """

    value: Option[Any]
    takes: tuple[Option[Any], ...]
    compile: Callable[[Compilation], Compiled]
    presents: Kind = Kind.NUMBER
    empty: Callable[[Definition], float] = unknown
    counts: bool = False
    of_sessions: bool = False
    reads: Callable[[Definition], Property | None] = no_property
    tilings: Callable[[Definition], Iterator[Tiling]] = window_tilings
    looks_back: Callable[[Definition], Iterator[tuple[int, Option[Any]]]] = _no_lengths
    ended_us: Callable[[Definition, Remembered], int | None] = _never_ended

    @property
    def name(self) -> str:
        """Its name in a configuration."""
        return self.value.name

    @property
    def options(self) -> tuple[Option[Any], ...]:
        """What a feature of the kind may have values for, the kind itself first."""
        return self.value, *self.takes

    def define(self, given: Mapping[str, Any]) -> Definition:
        """A feature of the kind."""
        return Definition(self.options, given)
