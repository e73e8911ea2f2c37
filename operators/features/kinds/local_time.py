"""`hour`, `weekday`: when an event was where its user lives, also when clocks are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from operators.base.arrays import Floats, Ints, Moments, Rows
from operators.base.durations import US_PER_UNIT
from operators.base.errors import Problem
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import WHERE, EventTypes, problem_of_word
from operators.features.kinds.since import Since
from operators.features.kinds.which_event import LAST_EVENT
from operators.features.windows import BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable

_HOUR_US: Final = US_PER_UNIT["h"]
_DAY_US: Final = US_PER_UNIT["d"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = 365 * 130  # until 2099 clocks are changed as they say; then they are no more


def _hour(local_us: Moments) -> Ints:
    """0 to 23."""
    hours: Ints = local_us // _HOUR_US % 24
    return hours


def _weekday(local_us: Moments) -> Ints:
    """1 is Monday, 7 Sunday (ISO 8601); 1970 began on a Thursday."""
    days: Ints = (local_us // _DAY_US + 3) % 7 + 1
    return days


PARTS: Final[Mapping[str, Callable[[Moments], Ints]]] = {"hour": _hour, "weekday": _weekday}


@dataclass(frozen=True)
class LocalTime:
    """A part of the local time of an event: of `PARTS`, in a zone of the tz database."""

    event: Since
    part: str
    zone: str

    def fields(self) -> tuple[Field, ...]:
        return self.event.fields()

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        self.event.add(table, update)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        moments, change_us = self.event.look(table, rows, now_us)
        known = ~np.isnan(moments)
        values = np.full(len(rows), np.nan)
        values[known] = PARTS[self.part](local_us(moments[known].astype(np.int64), self.zone))
        return values, change_us


def local_us(moments: Moments, zone: str) -> Moments:
    """What clocks in a zone show at these moments, as if it were UTC."""
    changes_us, offsets_us = _offsets(zone)
    local: Moments = moments + offsets_us[np.searchsorted(changes_us, moments, side="right")]
    return local


@lru_cache
def _offsets(zone: str) -> tuple[Moments, Moments]:
    """When clocks are changed, int64[n], and their offsets before and after, int64[n + 1].

    The tz database gives offsets, but not their changes: these are sought day by day.
    """
    info = ZoneInfo(zone)

    def offset_us(second: int) -> int:
        local = (_EPOCH + timedelta(seconds=second)).astimezone(info)
        return (local.utcoffset() or timedelta()) // timedelta(microseconds=1)

    day = _DAY_US // US_PER_UNIT["s"]
    changes, offsets = [], [offset_us(0)]
    for high in range(day, _DAYS * day, day):
        if offset_us(high) == offsets[-1]:
            continue
        before, after = high - day, high
        while after - before > 1:
            middle = (before + after) // 2
            same = offset_us(middle) == offsets[-1]
            before, after = (middle, after) if same else (before, middle)
        changes.append(after * US_PER_UNIT["s"])
        offsets.append(offset_us(after))
    return np.array(changes, np.int64), np.array(offsets, np.int64)


@dataclass(frozen=True)
class Zone(Option[str]):
    """A name of the tz database."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        zones = available_timezones()
        if value not in zones:
            expected = "a time zone such as UTC or Europe/Berlin"
            yield problem_of_word(path, value, expected, sorted(zones))


ZONE: Final = Zone("zone", shown=True)


def _local_time(feature: Compilation) -> Compiled:
    newest = Since(feature.state, feature.events, LAST_EVENT)
    return feature.alone(LocalTime(newest, feature.kind.name, feature.get(ZONE) or "UTC"))


KINDS: Final = (
    FeatureKind(EventTypes("hour"), takes=(WHERE, ZONE), compile=_local_time),
    FeatureKind(EventTypes("weekday"), takes=(WHERE, ZONE), compile=_local_time),
)
