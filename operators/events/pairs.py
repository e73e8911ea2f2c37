"""Arrays of keys and values: `[{"key": "page", "value": {"string_value": "/"}}, ...]`.

Of pairs with one key the first counts. A value may be one, or have a field for each type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_KEY, _VALUE = "key", "value"
_OF_TYPES: Final = ("string_value", "int_value", "float_value", "double_value")


def value_of(pairs: Sequence[Any], key: str, absent: Any) -> Any:
    """The value that an array of anything has for a key, `absent` where it has none."""
    for pair in pairs:
        if type(pair) is dict and pair.get(_KEY) == key:
            value = pair.get(_VALUE)
            return _one(value) if type(value) is dict else value
    return absent


def _one(fields: Mapping[str, Any]) -> Any:
    """The value that is there of those of all types, or of others."""
    names = (*_OF_TYPES, *fields)
    return next((fields[name] for name in names if fields.get(name) is not None), None)


class _Value(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    string_value: str | None = None
    int_value: str | int | float | None = None
    float_value: int | float | None = None
    double_value: int | float | None = None
    set_timestamp_micros: str | int | None = None


class KeyValue(msgspec.Struct, frozen=True, gc=False):
    """A key with a value as nearly all are, decoded."""

    key: str
    value: _Value | str | int | float | bool | None = None


def by_keys(
    records: Sequence[Sequence[KeyValue]], wanted: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """The values that decoded pairs of records have for `wanted` keys, as `value_of` gives them.

    Of each key it is said what stands for a value that is absent.
    """
    columns = {key: [absent] * len(records) for key, absent in wanted.items()}
    column_of = columns.get
    for at, pairs in enumerate(records):
        for pair in reversed(pairs):
            column = column_of(pair.key)
            if column is not None:
                value = pair.value
                column[at] = _plain(value) if type(value) is _Value else value
    return columns


def _plain(value: _Value) -> Any:
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return value.int_value
    if value.float_value is not None:
        return value.float_value
    return value.set_timestamp_micros if value.double_value is None else value.double_value
