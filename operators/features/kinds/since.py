"""`since`, `since_first`, `since_change`: the age of an event, or of the value of a property."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Moments, Rows
from operators.base.errors import Problem
from operators.base.frame import Kind
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, Remembered
from operators.features.kinds.options import (
    NUMBER,
    OF,
    TYPE,
    UNIT,
    WHERE,
    EventTypes,
    PropertyName,
    counted_types,
)
from operators.features.kinds.reading import of_type
from operators.features.kinds.which_event import FIRST_EVENT, LAST_EVENT, WhichEvent
from operators.features.properties import Property
from operators.features.windows import BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable


@dataclass(frozen=True)
class Since:
    """The moment of the newest or first event of the types; it ages from there.

    With `has`, only events that have that property count.
    """

    name: str
    events: EventFilter
    which: WhichEvent
    has: Property | None = None

    def fields(self) -> tuple[Field, ...]:
        return (Field(self.name, "i8", initial=self.which.never),)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        counted = self.events.among(update.arrivals, table.dictionary)
        if self.has is not None:
            counted &= self.has.values(update.arrivals)[1]
        cells = table.cells(self.name)
        rows = update.arrivals.rows[counted]
        cells.fold(self.which.extreme, rows, update.arrivals.time_us[counted])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The moments in microseconds; whoever compares ages knows how they change."""
        moments = table.cells(self.name).take_one(rows)
        return np.where(moments == self.which.never, np.nan, moments), None


@dataclass(frozen=True)
class SinceChange:
    """The moment since which a property has had its newest value; it ages from there.

    Events are followed in the order of arrival: one that is older than the newest that has the
    property changes nothing.

    What is taken back is there no longer, since no moment.

    State: the newest value, the time of its newest event, and that of the first one with it.
    """

    name: str
    events: EventFilter
    read: Property

    def fields(self) -> tuple[Field, ...]:
        return (
            Field(self.name, "i8", initial=LAST_EVENT.never),
            self.read.field(self._value),
            Field(self._time, "i8", initial=LAST_EVENT.never),
        )

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        values, told = self.read.told(update.arrivals)
        chosen = self.events.among(update.arrivals, table.dictionary) & told
        arrivals, values = update.arrivals.where(chosen), values[chosen]
        times, kept = table.cells(self._time), table.cells(self._value)
        leads = arrivals.newest_us(times.take_one(arrivals.touched)) == arrivals.time_us
        arrivals, values = arrivals.where(leads), values[leads]
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[arrivals.starts] = kept.take_one(arrivals.touched)
        changed = values != before  # also where there was none
        # Of a row that stands here several times, the last assignment stays.
        since_us = np.where(self.read.missing(values), LAST_EVENT.never, arrivals.time_us)
        table.cells(self.name).put_one(arrivals.rows[changed], since_us[changed])
        kept.put_one(arrivals.rows, values)
        times.put_one(arrivals.rows, arrivals.time_us)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The moments in microseconds, as of `Since`."""
        moments = table.cells(self.name).take_one(rows)
        return np.where(moments == LAST_EVENT.never, np.nan, moments), None

    @property
    def _value(self) -> str:
        return f"{self.name}.value"

    @property
    def _time(self) -> str:
        return f"{self.name}.time_us"


@dataclass(frozen=True)
class HasProperty(PropertyName):
    """A property that the events must have."""

    def problems(self, path: str, value: str | None, feature: Definition) -> Iterator[Problem]:
        yield from super().problems(path, value, feature)
        if value is None and feature.get(TYPE) is not None:
            of_type = f"{path.removesuffix(self.name)}{TYPE.name}"
            said = "it says what kind of property `has` names, and there is none"
            yield Problem(of_type, said)


HAS: Final = HasProperty("has")


def _has(feature: Definition) -> Property | None:
    has = feature.get(HAS)
    return None if has is None else Property(has, number=feature.get(TYPE) == NUMBER)


def _since(feature: Compilation) -> Compiled:
    return feature.alone(Since(feature.state, feature.events, LAST_EVENT, feature.reads))


def _since_first(feature: Compilation) -> Compiled:
    return feature.alone(Since(feature.state, feature.events, FIRST_EVENT, feature.reads))


def _since_change(feature: Compilation) -> Compiled:
    read = of_type(feature.definition)
    return feature.alone(SinceChange(feature.state, feature.events, read))


def _ended_us(feature: Definition, users: Remembered) -> int | None:
    """The age of the newest of all events ends with its user."""
    some = (counted_types(feature), feature.get(WHERE), feature.get(HAS))
    return users.longest_us if some == (None, None, None) else None


_OPTIONS: Final = (HAS, TYPE, WHERE, UNIT)

KINDS: Final = (
    FeatureKind(
        EventTypes("since"),
        takes=_OPTIONS,
        reads=_has,
        compile=_since,
        presents=Kind.AGE,
        ended_us=_ended_us,
    ),
    FeatureKind(
        EventTypes("since_first"),
        takes=_OPTIONS,
        reads=_has,
        compile=_since_first,
        presents=Kind.AGE,
    ),
    FeatureKind(
        PropertyName("since_change"),
        takes=(OF, WHERE, TYPE, UNIT),
        reads=of_type,
        compile=_since_change,
        presents=Kind.AGE,
    ),
)
