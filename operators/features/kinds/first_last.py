"""`last` and `first`: the value of a property in the newest, or the first, event that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Final

import numpy as np

from operators.base.arrays import Floats, Ints, Moments, Rows
from operators.base.errors import Problem
from operators.base.frame import Kind
from operators.features.arrivals import Arrivals
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import NUMBER, OF, ONE_HOT, TYPE, WHERE, PropertyName
from operators.features.kinds.reading import of_type
from operators.features.kinds.which_event import FIRST_EVENT, LAST_EVENT, WhichEvent
from operators.features.properties import Property
from operators.features.windows import BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable


@dataclass(frozen=True)
class EventValue:
    """The value of a property in the newest or first event that has it.

    The default stands for what is not known yet, and for what is taken back. Of one that is taken
    back there is no value, and the time is when: the first value is the first from then on.
    """

    name: str
    events: EventFilter
    read: Property
    which: WhichEvent
    default: str | float | None = None

    def fields(self) -> tuple[Field, ...]:
        return self.read.field(self.name), Field(self._time, "i8", initial=self.which.never)

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        values, told = self.read.told(arrivals)
        chosen = np.flatnonzero(self.events.among(arrivals, table.dictionary) & told)
        if self.which is FIRST_EVENT and self.read.name in arrivals.taken_back:
            chosen = self._add_one_by_one(table, arrivals, values, chosen)
        self._put(table, arrivals, values, chosen)

    def add_traits(self, table: UserTable, people: Arrivals) -> None:
        """Take the values of a roster, which are older than any event, and of no type."""
        values, present = self.read.values(people)
        where, rows = self.events.where, people.rows
        met = present if where is None else present & where.met(people, table.dictionary)
        kept, time_us = (table.cells(name).take_one(rows) for name in (self.name, self._time))
        taken_back = self.read.missing(kept) & (time_us != self.which.never)
        self._put(table, people, values, np.flatnonzero(met & ~taken_back))

    @property
    def traits(self) -> tuple[frozenset[str], frozenset[str]]:
        """The properties that it reads as numbers, and those that it reads as texts."""
        own, where = frozenset({self.read.name}), self.events.where
        numbers = own if self.read.number else frozenset[str]()
        if where is None:
            return numbers, own - numbers
        return numbers | where.numbers, (own - numbers) | where.texts

    def _put(
        self, table: UserTable, arrivals: Arrivals, values: Floats | Ints, chosen: Ints
    ) -> None:
        at = _one_of_each(arrivals, chosen, self.which)
        rows, time_us = arrivals.rows[at], arrivals.time_us[at]
        times = table.cells(self._time)
        better = self.which.beats(time_us, times.take_one(rows))
        times.put_one(rows[better], time_us[better])
        table.cells(self.name).put_one(rows[better], values[at][better])

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        values = table.cells(self.name).take_one(rows).astype(np.float64)
        return np.where(self.read.missing(values), self._otherwise(table), values), None

    def _add_one_by_one(
        self, table: UserTable, arrivals: Arrivals, values: Floats | Ints, chosen: Ints
    ) -> Ints:
        """Add the events of users who take a first value back, or have done so; gives the others.

        Which value is the first depends on each of them, in the order of arrival.
        """
        times, kept = table.cells(self._time), table.cells(self.name)
        missing = self.read.missing(values)
        rows = arrivals.rows[chosen]
        had = self.read.missing(kept.take_one(rows)) & (times.take_one(rows) != self.which.never)
        alone = np.isin(rows, rows[had | missing[chosen]])
        for at in chosen[alone].tolist():
            row, time_us = arrivals.rows[at : at + 1], int(arrivals.time_us[at])
            before_us = int(times.take_one(row)[0])
            empty = bool(self.read.missing(kept.take_one(row))[0])
            if missing[at] or empty:
                counts = before_us == self.which.never or time_us >= before_us
            else:
                counts = time_us < before_us
            if counts:
                times.put_one(row, time_us)
                kept.put_one(row, values[at])
        return chosen[~alone]

    @property
    def _time(self) -> str:
        return f"{self.name}.time_us"

    def _otherwise(self, table: UserTable) -> float:
        if self.default is None:
            return np.nan
        return (
            self.default if isinstance(self.default, float) else table.dictionary.add(self.default)
        )


def _one_of_each(arrivals: Arrivals, chosen: Ints, which: WhichEvent) -> Ints:
    """Of the chosen events the last, or the first, of each user, by time and then arrival."""
    order, groups, times_us = chosen, arrivals.group[chosen], arrivals.time_us[chosen]
    differs = groups[1:] != groups[:-1]  # also once the events of each are sorted
    if np.any((times_us[1:] < times_us[:-1]) & ~differs):
        order = chosen[np.lexsort((times_us, groups))]
    last = np.append(differs, True) if which is LAST_EVENT else np.append(True, differs)
    at: Ints = order[last[: len(order)]]
    return at


_LONGEST_TEXT: Final = 1_000  # characters, as of the properties that a default stands for


@dataclass(frozen=True)
class Default(Option[str | float]):
    """What stands for a value that is not known: of the type of the values."""

    type: Any = str | float

    def problems_of_value(
        self, path: str, value: str | float, feature: Definition
    ) -> Iterator[Problem]:
        number = feature.get(TYPE) == NUMBER
        if number and not (isinstance(value, float) and isfinite(value)):
            yield Problem(path, f"expected a number, as the type says, found '{value}'")
        elif not number and isinstance(value, float):
            expected = "expected a text (or type: number)"
            yield Problem(path, f"{expected}, found {value:g}: quote it")
        elif isinstance(value, str) and not 0 < len(value) <= _LONGEST_TEXT:
            expected = f"expected a text of 1 to {_LONGEST_TEXT} characters"
            yield Problem(path, f"{expected}, found {len(value)}")


DEFAULT: Final = Default("default", shown=True)


def _empty(feature: Definition) -> float:
    default = feature.get(DEFAULT)
    return default if isinstance(default, float) else nan


def _value_in(feature: Compilation, which: WhichEvent) -> Compiled:
    read, default = of_type(feature.definition), feature.get(DEFAULT)
    return feature.alone(EventValue(feature.state, feature.events, read, which, default))


def _last(feature: Compilation) -> Compiled:
    return _value_in(feature, LAST_EVENT)


def _first(feature: Compilation) -> Compiled:
    return _value_in(feature, FIRST_EVENT)


_OPTIONS: Final = (OF, WHERE, ONE_HOT, TYPE, DEFAULT)


def _kind(name: str, compile_: Callable[[Compilation], Compiled]) -> FeatureKind:
    return FeatureKind(
        PropertyName(name),
        takes=_OPTIONS,
        reads=of_type,
        compile=compile_,
        presents=Kind.CATEGORY,
        empty=_empty,
    )


KINDS: Final = (_kind("last", _last), _kind("first", _first))
