"""Local time: what clocks in a zone show, when they are changed, and when days begin there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from operators.base.arrays import Ints, Moments
from operators.base.durations import US_PER_UNIT

DAY_US: Final = US_PER_UNIT["d"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = 365 * 130  # until 2099 clocks are changed as they say; then they are no more
_LONG_AGO: Final = -(1 << 62)


def local_us(moments: Moments, zone: str) -> Moments:
    """What clocks in a zone show at these moments, as if it were UTC."""
    changes_us, offsets_us = _offsets(zone)
    local: Moments = moments + offsets_us[np.searchsorted(changes_us, moments, side="right")]
    return local


def local_days(moments: Moments, zone: str) -> Ints:
    """The day that it is in a zone at these moments, counted from 1970-01-01.

    A day that has begun goes on until the next: where clocks are set back across midnight, it
    does not become yesterday again.
    """
    changes_us, _ = _offsets(zone)
    before_us = _shown_before(zone)[np.searchsorted(changes_us, moments, side="right")]
    days: Ints = np.maximum(local_us(moments, zone), before_us) // DAY_US
    return days


def days_begin_us(days: Ints, zone: str) -> Moments:
    """The first moment of these local days, or of the day after one that a zone left out."""
    changes_us, offsets_us = _offsets(zone)
    shown_us = days * DAY_US
    # Of the times between changes of clocks the first in which so much was shown.
    at = np.searchsorted(_shown_before(zone)[1:], shown_us, side="left")
    begun_us = np.append(_LONG_AGO, changes_us)[at]
    moments: Moments = np.maximum(shown_us - offsets_us[at], begun_us)
    return moments


@lru_cache
def _shown_before(zone: str) -> Moments:
    """The latest that clocks showed before each change, int64[n + 1]; the first is long ago."""
    changes_us, offsets_us = _offsets(zone)
    shown_us = np.append(_LONG_AGO, changes_us - 1 + offsets_us[:-1])
    latest_us: Moments = np.maximum.accumulate(shown_us)
    return latest_us


@lru_cache
def _offsets(zone: str) -> tuple[Moments, Moments]:
    """When clocks are changed, int64[n], and their offsets before and after, int64[n + 1].

    The tz database gives offsets, but not their changes: these are sought day by day.
    """
    info = ZoneInfo(zone)

    def offset_us(second: int) -> int:
        local = (_EPOCH + timedelta(seconds=second)).astimezone(info)
        return (local.utcoffset() or timedelta()) // timedelta(microseconds=1)

    day = DAY_US // US_PER_UNIT["s"]
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
