"""Checks and conversions of one field of many events: columns where all is well.

Each function takes the raw values of a field as JSON gave them and gives the column and the
faults by position. The common case is one pass over the types, or none where values are `plain`:
msgspec has seen to it that they are of the field's kind. Only a batch with a value of another type
is looked at one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from operators.events.kinds import LONGEST_TEXT, LONGEST_USER
from operators.events.names import shown_name
from operators.events.reasons import Reason

Fault = tuple[Reason, str]
Faults = dict[int, Fault]

_NUMERIC: Final = frozenset({float, int, type(None)})
WHOLE: Final = frozenset({int})
_NAMING: Final = frozenset({str, int, type(None)})
_TEXT: Final = frozenset({str})
_TEXTUAL: Final = frozenset({str, type(None)})


def users(
    values: Sequence[Any], nobody: frozenset[str] = frozenset(), *, plain: bool = False
) -> tuple[list[str], Faults]:
    """Users: a text, or a whole number as text, also one that is written with decimals as 12345.0.

    Those who are called as `nobody` is are missing.
    """
    faults: Faults = {}
    short = plain or (all_texts(values) and max(map(len, values)) <= LONGEST_USER)
    if short and (not nobody or nobody.isdisjoint(values)):
        return list(values), faults
    column = []
    for position, value in enumerate(values):
        named = type(value) in _NAMING or (type(value) is float and value.is_integer())
        text = _text(value) if named else _NO_TEXT
        if text is None:
            faults[position] = (Reason.MISSING_USER, "the user is missing, null or empty")
        elif text is _NO_TEXT or len(text) > LONGEST_USER:
            wanted = f"expected a text of up to {LONGEST_USER} characters or a whole number"
            faults[position] = (Reason.BAD_USER, f"{wanted}, found {shown(value)}")
        elif text in nobody:
            faults[position] = (Reason.MISSING_USER, f"{shown(text)} is nobody (events.nobody)")
        column.append(text or "")
    return column, faults


def texts(
    values: Sequence[Any], reason: Reason, field: str, *, plain: bool = False
) -> tuple[list[str | None], Faults]:
    """Texts, or numbers and true/false as text; null and the empty text are missing (None)."""
    faults: Faults = {}
    if plain or _TEXTUAL.issuperset(map(type, values)):
        column = [value or None for value in values] if "" in values else list(values)
        if plain or max(map(len, filter(None, column)), default=0) <= LONGEST_TEXT:
            return column, faults
    column = []
    for position, value in enumerate(values):
        text = _text(value)
        if text is _NO_TEXT or len(text or "") > LONGEST_TEXT:
            name = shown_name(field)
            wanted = f"'{name}': expected a text of up to {LONGEST_TEXT} characters or a number"
            faults[position] = (reason, f"{wanted}, found {shown(value)}")
            text = None
        column.append(text)
    return column, faults


def numbers(
    values: Sequence[Any], field: str, *, plain: bool = False
) -> tuple[NDArray[np.float64], Faults]:
    """Finite numbers, also as text; null and the empty text are missing (NaN)."""
    faults: Faults = {}
    if plain or _NUMERIC.issuperset(map(type, values)):
        try:
            return np.array(values, np.float64), faults
        except OverflowError:
            pass
    column = np.full(len(values), np.nan)
    for position, value in enumerate(values):
        number = finite_number(value)
        if number is None:
            wanted = f"'{shown_name(field)}': expected a finite number"
            faults[position] = (Reason.BAD_VALUE, f"{wanted}, found {shown(value)}")
        else:
            column[position] = number
    return column, faults


_NO_TEXT: Final = "\0 not a text"


def all_texts(values: Sequence[Any]) -> bool:
    """Whether there are some, all texts, and none is empty."""
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


def type_text(value: Any) -> Any:
    """A whole number as its text, as types are written; anything else as it is."""
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if type(value) is int else value


def scalar_text(value: Any) -> str | None:
    """A number, text or true/false of JSON as text, None for null and empty, however long it is."""
    return str(value) if type(value) is int else _text(value)


def finite_number(value: Any) -> float | None:
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


def shown(value: Any) -> str:
    text = repr(value) if type(value) in (str, int, float, bool) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
