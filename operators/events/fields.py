"""Checks and conversions of one field of many events: columns where all is well.

Each function takes the raw values of a field as JSON gave them and gives the column and the
faults by position. The common case is one pass over the types; only a batch with a value of
another type is looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from operators.events.reasons import Reason

Fault = tuple[Reason, str]
Faults = dict[int, Fault]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST_USER: Final = 512  # characters; Cassandra and Kafka keys are meant to be short
_LATEST_US: Final = 32_503_680_000_000_000  # the year 3000: far from the edge of int64
_MOST_TIMES: Final = 100_000
_NUMERIC: Final = frozenset({float, int, type(None)})
_WHOLE: Final = frozenset({int})
_TEXT: Final = frozenset({str})
_TEXTUAL: Final = frozenset({str, type(None)})


def users(values: Sequence[Any]) -> tuple[list[str], Faults]:
    """Users: a text, or a whole number as text."""
    faults: Faults = {}
    if _all_texts(values) and max(map(len, values)) <= _LONGEST_USER:
        return list(values), faults
    column = []
    for position, value in enumerate(values):
        text = _text(value) if type(value) in (str, int, type(None)) else _NO_TEXT
        if text is None:
            faults[position] = (Reason.MISSING_USER, "the user is missing, null or empty")
        elif text is _NO_TEXT or len(text) > _LONGEST_USER:
            wanted = f"expected a text of up to {_LONGEST_USER} characters or a whole number"
            faults[position] = (Reason.BAD_USER, f"{wanted}, found {_shown(value)}")
        column.append(text or "")
    return column, faults


def types(values: Sequence[Any], renamed: Mapping[str, str]) -> tuple[list[str], Faults]:
    """Event types under the names that the configuration gives them."""
    if renamed:
        values = [renamed.get(v, v) if type(v) is str else v for v in values]
    faults: Faults = {}
    if _all_texts(values):
        return list(values), faults
    for position, value in enumerate(values):
        if value is None or value == "":
            faults[position] = (Reason.MISSING_TYPE, "the event type is missing, null or empty")
        elif type(value) is not str:
            faults[position] = (Reason.BAD_TYPE, f"expected a text, found {_shown(value)}")
    return [value if type(value) is str else "" for value in values], faults


def texts(values: Sequence[Any], reason: Reason, field: str) -> tuple[list[str | None], Faults]:
    """Texts, or numbers and true/false as text; null and the empty text are missing (None)."""
    faults: Faults = {}
    if _TEXTUAL.issuperset(map(type, values)):
        return [value or None for value in values], faults
    column: list[str | None] = []
    for position, value in enumerate(values):
        text = _text(value)
        if text is _NO_TEXT:
            wanted = f"'{field}': expected a text or a number"
            faults[position] = (reason, f"{wanted}, found {_shown(value)}")
        column.append(text)
    return column, faults


def numbers(values: Sequence[Any], field: str) -> tuple[NDArray[np.float64], Faults]:
    """Finite numbers, also as text; null and the empty text are missing (NaN)."""
    faults: Faults = {}
    if _NUMERIC.issuperset(map(type, values)):
        try:
            return np.array(values, np.float64), faults
        except OverflowError:
            pass
    column = np.full(len(values), np.nan)
    for position, value in enumerate(values):
        number = _number(value)
        if number is None:
            wanted = f"'{field}': expected a finite number"
            faults[position] = (Reason.BAD_VALUE, f"{wanted}, found {_shown(value)}")
        else:
            column[position] = number
    return column, faults


class Times:
    """Reads event times: ISO 8601 texts, or numbers in a unit since 1970.

    Keeps the texts it has read, since the events of a stream share their seconds.
    """

    def __init__(self, unit_us: int | None) -> None:
        self._unit_us = unit_us
        self._known: dict[str, int] = {}

    def read(self, values: Sequence[Any]) -> tuple[NDArray[np.int64], Faults]:
        """The times in microseconds, int64[n]; 0 where there is a fault."""
        unit_us = self._unit_us
        column = self._whole_numbers(values, unit_us) if unit_us else self._known_texts(values)
        return (column, {}) if column is not None else self._read_each(values)

    @staticmethod
    def _whole_numbers(values: Sequence[Any], unit_us: int) -> NDArray[np.int64] | None:
        if not _WHOLE.issuperset(map(type, values)):
            return None
        try:
            column = np.array(values, np.int64)
        except OverflowError:
            return None
        fine = np.all((column >= 0) & (column <= _LATEST_US // unit_us))
        return column * unit_us if fine else None

    def _known_texts(self, values: Sequence[Any]) -> NDArray[np.int64] | None:
        if not _TEXTUAL.issuperset(map(type, values)):
            return None
        known = self._known
        column = [known.get(value, -1) for value in values]
        if -1 in column:
            for position, time_us in enumerate(column):
                if time_us < 0:
                    read = self._iso_us(values[position])
                    if read is None or not 0 <= read <= _LATEST_US:
                        return None
                    column[position] = read
        return np.array(column, np.int64)

    def _read_each(self, values: Sequence[Any]) -> tuple[NDArray[np.int64], Faults]:
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
        time_us = self._iso_us(value) if self._unit_us is None else self._number_us(value)
        if time_us is None:
            wanted = "an ISO 8601 text" if self._unit_us is None else "a number"
            return Reason.BAD_TIME, f"expected {wanted}, found {_shown(value)}"
        if time_us < 0:
            return Reason.BEFORE_1970, f"the time {_shown(value)} lies before 1970"
        if time_us > _LATEST_US:
            return Reason.FUTURE, f"the time {_shown(value)} lies beyond the year 3000"
        return time_us

    def _iso_us(self, value: Any) -> int | None:
        if type(value) is not str or len(value) < len("2026-01-01"):
            return None
        text = value[:-4] if value.endswith((" UTC", " GMT")) else value
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time_us = (moment - _EPOCH) // _MICROSECOND
        if len(self._known) >= _MOST_TIMES:
            self._known.clear()
        if 0 <= time_us <= _LATEST_US:
            self._known[value] = time_us
        return time_us

    def _number_us(self, value: Any) -> int | None:
        if type(value) is int:
            return value * self._unit_us if self._unit_us else None
        number = _number(value)
        if number is None or self._unit_us is None or np.isnan(number):
            return None
        time_us = number * self._unit_us
        return round(time_us) if np.isfinite(time_us) else round(number)


_NO_TEXT: Final = "\0 not a text"


def _all_texts(values: Sequence[Any]) -> bool:
    return bool(values) and _TEXT.issuperset(map(type, values)) and "" not in values


def _text(value: Any) -> str | None:
    """A scalar as text, None for null and empty, `_NO_TEXT` for what is no scalar."""
    if value is None or value == "":
        return None
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value) if abs(value) < 10**40 else _NO_TEXT
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return _NO_TEXT


def _number(value: Any) -> float | None:
    """A finite number, NaN for null and empty, None for what is no number."""
    if value is None or value == "":
        return float("nan")
    if type(value) not in (int, float, str) or (type(value) is str and "_" in value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if np.isfinite(number) else None


def _shown(value: Any) -> str:
    text = repr(value) if type(value) in (str, int, float, bool) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
