"""Moments as texts, and the clock on the wall."""

from __future__ import annotations

import time
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from operators.base.errors import UsageError, nearest


def now_us() -> int:
    """The wall clock, microseconds since 1970."""
    return time.time_ns() // 1_000


def iso(moments_us: NDArray[np.int64]) -> list[str]:
    """Moments in microseconds since 1970 as ISO 8601 texts in UTC."""
    texts: list[str] = np.datetime_as_string(
        moments_us.astype("datetime64[us]"), timezone="UTC"
    ).tolist()
    return texts


def iso_at(moment_us: int) -> str:
    """One moment as such a text."""
    return iso(np.array([moment_us], np.int64))[0]


def parse_moment_us(text: str, zone: tzinfo) -> int:
    """An ISO 8601 date or time, in a zone unless it says otherwise, in microseconds since 1970.

    Raises:
        UsageError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "expected a time such as 2026-01-31T12:00:00Z"
        raise UsageError(f"{expected}, found '{text}'") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1_000_000)


def parse_zone(name: str) -> tzinfo:
    """The time zone of an IANA name.

    Raises:
        UsageError: there is none.
    """
    try:
        if name == "localtime":  # another one on each machine
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(name, sorted(available_timezones()))
        raise UsageError(
            f"expected a time zone such as Europe/Berlin, found '{name}'{hint}"
        ) from None
