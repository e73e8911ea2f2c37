"""Lengths of time as people write them: 30s, 5m, 1.5h, 7d."""

from __future__ import annotations

import re
from typing import Final

from operators.base.errors import UsageError

US_PER_UNIT: Final = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
LONGEST_US: Final = 100 * 366 * US_PER_UNIT["d"]

_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(us|ms|s|m|h|d|w)")


def parse_duration_us(text: str) -> int:
    """A duration text in microseconds, more than 0 and at most 100 years.

    Raises:
        UsageError: the text is no such duration.
    """
    match = _DURATION.fullmatch(text.strip())
    length_us = round(float(match[1]) * US_PER_UNIT[match[2]]) if match else 0
    if not 0 < length_us <= LONGEST_US:
        raise UsageError(
            f"expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), found '{text}'"
        )
    return length_us


def format_duration(length_us: int) -> str:
    """A duration in the largest unit that divides it: 300000000 -> '5m'."""
    for unit, unit_us in reversed(US_PER_UNIT.items()):
        if length_us % unit_us == 0 and length_us >= unit_us:
            return f"{length_us // unit_us}{unit}"
    return f"{length_us}us"
