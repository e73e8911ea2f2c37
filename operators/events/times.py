"""The times of events: ISO 8601 texts, or numbers in a unit since 1970.

What is below a microsecond is cut off, but for numbers of JSON with decimals, which are no exact
decimals: they become the nearest microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

import numpy as np

from operators.base.arrays import Moments
from operators.events.fields import WHOLE, Fault, Faults, all_texts, finite_number, shown
from operators.events.reasons import Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST_US: Final = 32_503_680_000_000_000  # the year 3000: far from the edge of int64
_NS_PER_US: Final = 1_000

# How most streams write UTC. What is in the group, numpy reads.
_PLAIN: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z| UTC| GMT|\+00:00|)", re.ASCII
)

_WHOLE_TEXT: Final = re.compile(r"[0-9]+")

# As in "2026-03-01 10:00:00 +0100".
_SPACED_OFFSET: Final = re.compile(r" +([+-]\d\d:?\d\d)$", re.ASCII)

_ZERO: Final = np.uint8(ord("0"))
_NINE: Final = np.uint8(ord("9"))


class Times:
    """Reads event times, texts if `unit_ns` is None. They end with the year 3000.

    Texts that say no offset are in the `zone`; of an hour that comes twice, it is the first.
    """

    def __init__(self, unit_ns: int | None, zone: tzinfo = UTC) -> None:
        self._unit_ns = unit_ns
        self._zone = zone

    def read(self, values: Sequence[Any]) -> tuple[Moments, Faults]:
        """The times in microseconds, int64[n]; 0 where there is a fault."""
        unit_ns = self._unit_ns
        column = _whole_numbers(values, unit_ns) if unit_ns else self._texts(values)
        return (column, {}) if column is not None else self._read_each(values)

    def _texts(self, values: Sequence[Any]) -> Moments | None:
        """Texts in one sweep; None if they are to be read one by one."""
        if self._zone is UTC or not values or _says_offset(values[0]):
            return _alike(values)
        return None

    def _read_each(self, values: Sequence[Any]) -> tuple[Moments, Faults]:
        faults: Faults = {}
        column = np.zeros(len(values), np.int64)
        for position, value in enumerate(values):
            read = self._read(value)
            if isinstance(read, tuple):
                faults[position] = read
            else:
                column[position] = read
        return column, faults

    def _read(self, value: Any) -> int | Fault:
        if value is None or value == "":
            return Reason.MISSING_TIME, "the time is missing, null or empty"
        time_us = (
            _iso_us(value, self._zone)
            if self._unit_ns is None
            else _number_us(value, self._unit_ns)
        )
        if time_us is None:
            wanted = "an ISO 8601 text" if self._unit_ns is None else "a number"
            return Reason.BAD_TIME, f"expected {wanted}, found {shown(value)}"
        if time_us < 0:
            return Reason.BEFORE_1970, f"the time {shown(value)} lies before 1970"
        if time_us > _LATEST_US:
            return Reason.FUTURE, f"the time {shown(value)} lies beyond the year 3000"
        return time_us


def _whole_numbers(values: Sequence[Any], unit_ns: int) -> Moments | None:
    """Whole numbers in range, also as texts; None if others are among them."""
    try:
        if not WHOLE.issuperset(map(type, values)):
            if not (all_texts(values) and _WHOLE_TEXT.fullmatch("".join(values))):
                return None
            values = list(map(int, values))
        column = np.array(values, np.int64)
    except (OverflowError, ValueError):  # the latter of more digits than Python reads
        return None
    if not _in_range(column, min(_LATEST_US * _NS_PER_US // unit_ns, np.iinfo(np.int64).max)):
        return None
    whole, rest = divmod(unit_ns, _NS_PER_US)
    return column * whole if not rest else column * rest // _NS_PER_US


def _alike(values: Sequence[Any]) -> Moments | None:
    """Texts that all have the form of the first, if that is a plain one; else None."""
    match = _PLAIN.fullmatch(values[0]) if values and type(values[0]) is str else None
    if match is None:
        return None
    try:
        joined = "".join(values).encode("ascii")
    except (TypeError, UnicodeEncodeError):
        return None
    first = np.frombuffer(values[0].encode(), np.uint8)
    if set(map(len, values)) != {len(first)}:
        return None
    characters = np.frombuffer(joined, np.uint8).reshape(-1, len(first))
    # Each is a digit where the first has one, and the same where it has none.
    digits = _are_digits(first)
    least, span = np.where(digits, _ZERO, first), np.where(digits, _NINE - _ZERO, np.uint8(0))
    if not np.all(characters - least <= span):
        return None
    width = match.end(1)
    texts = np.ascontiguousarray(characters[:, :width]).view(f"S{width}").ravel()
    try:
        column = texts.astype("datetime64[us]").view(np.int64)
    except ValueError:  # a day or an hour that there isn't
        return None
    return column if _in_range(column, _LATEST_US) else None


def _are_digits(characters: Any) -> Any:
    return (characters >= _ZERO) & (characters <= _NINE)


def _in_range(column: Moments, latest: int) -> bool:
    return bool(np.all((column >= 0) & (column <= latest)))


def _says_offset(value: Any) -> bool:
    return type(value) is str and value.endswith(("Z", " UTC", " GMT", "+00:00"))


def _iso_us(value: Any, zone: tzinfo) -> int | None:
    if type(value) is not str or len(value) < len("2026-01-01"):
        return None
    text = f"{value[:-4]}Z" if value.endswith((" UTC", " GMT")) else value
    text = _SPACED_OFFSET.sub(r"\1", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MICROSECOND


def _number_us(value: Any, unit_ns: int) -> int | None:
    if type(value) is int:
        return value * unit_ns // _NS_PER_US
    number = finite_number(value)
    if number is None or np.isnan(number):
        return None
    if type(value) is str and abs(number) <= _LATEST_US * _NS_PER_US:
        return int(Decimal(value) * unit_ns // _NS_PER_US) if number else 0
    time_us = number * unit_ns / _NS_PER_US
    return round(time_us) if np.isfinite(time_us) else round(number)
