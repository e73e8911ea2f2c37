"""`hour`, `weekday`: when an event was where its user lives, also when clocks are changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Moments, Rows
from operators.base.durations import US_PER_UNIT
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import WHERE, EventTypes, Zone
from operators.features.kinds.since import Since
from operators.features.kinds.which_event import LAST_EVENT
from operators.features.windows import BatchUpdate
from operators.features.zones import DAY_US, local_us
from operators.pages.layout import Field
from operators.pages.table import UserTable

_HOUR_US: Final = US_PER_UNIT["h"]


def _hour(local_us: Moments) -> Ints:
    """0 to 23."""
    hours: Ints = local_us // _HOUR_US % 24
    return hours


def _weekday(local_us: Moments) -> Ints:
    """1 is Monday, 7 Sunday (ISO 8601); 1970 began on a Thursday."""
    days: Ints = (local_us // DAY_US + 3) % 7 + 1
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


ZONE: Final = Zone("zone", shown=True)


def _local_time(feature: Compilation) -> Compiled:
    newest = Since(feature.state, feature.events, LAST_EVENT)
    return feature.alone(LocalTime(newest, feature.kind.name, feature.get(ZONE) or "UTC"))


KINDS: Final = (
    FeatureKind(EventTypes("hour"), takes=(WHERE, ZONE), compile=_local_time),
    FeatureKind(EventTypes("weekday"), takes=(WHERE, ZONE), compile=_local_time),
)
