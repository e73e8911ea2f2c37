"""Moments as texts, and the clock on the wall."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray


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
