"""In which unit times probably are: the one by which they lie near now."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from operators.base.durations import US_PER_UNIT
from operators.events.fields import finite_number
from operators.events.spec import TIME_UNITS_NS
from operators.events.times import Times

WORDS: Final = {
    **{"iso": "ISO 8601 texts", "s": "seconds", "ms": "milliseconds", "us": "microseconds"},
    "ns": "nanoseconds",
}
_YEAR_US: Final = 366 * US_PER_UNIT["d"]
_EARLIEST_US: Final = 25 * _YEAR_US  # in 1995: what people have of events is later
_AHEAD_US: Final = 2 * _YEAR_US


def probable_unit(times: Sequence[Any], now_us: int) -> str | None:
    """The `time_unit` by which most of these raw times lie between 1995 and soon; None if in none.

    One by which times are ISO 8601 texts is that, whenever they are.
    """
    given = [time for time in times if time is not None and time != ""]
    if not given:
        return None
    _, faults = Times(None).read(given)
    if len(faults) * 2 < len(given):
        return "iso"
    numbers = [number for time in given if (number := finite_number(time)) is not None]
    if len(numbers) * 2 < len(given):
        return None
    middle = median(numbers)
    near = (
        unit
        for unit, unit_ns in TIME_UNITS_NS.items()
        if _EARLIEST_US <= middle * unit_ns / 1_000 <= now_us + _AHEAD_US
    )
    return next(near, None)
