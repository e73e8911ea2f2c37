"""Why a value could not be decoded: a reason and, in words, a detail."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from operators.events.fields import Fault
from operators.events.markers import NULL, broken_row
from operators.events.reasons import Reason

_PATH = "`$."  # how msgspec begins to say where


def diagnosis(value: bytes, error: Exception, reasons: Mapping[str, Reason]) -> Fault:
    """The fault of a value that the decoder refused with an error.

    `reasons` has those of the fields whose faults are no mere bad values.
    """
    if value == NULL:
        return Reason.NULL_VALUE, "the record has no value"
    if row := broken_row(value):
        return Reason.BAD_ROW, row[0]
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP, "the JSON is nested too deeply"
    try:
        value.decode()
    except UnicodeDecodeError as wrong:
        return Reason.INVALID_UTF8, f"byte {wrong.start} is not UTF-8: {wrong.reason}"
    return _of_json(value, error, reasons)


def _of_json(value: bytes, error: Exception, reasons: Mapping[str, Reason]) -> Fault:
    if not isinstance(error, msgspec.ValidationError):
        return Reason.NOT_JSON, str(error)
    if value.lstrip().startswith(b"{"):
        return _reason_at(str(error), reasons), str(error)
    return _no_object(value, error)


def _reason_at(message: str, reasons: Mapping[str, Reason]) -> Reason:
    """The reason by the field that a message of msgspec's names."""
    _, _, path = message.partition(_PATH)
    for field, reason in reasons.items():
        if path.startswith((f"{field}`", f"{field}.", f"{field}[")):
            return reason
    return Reason.BAD_VALUE


def _no_object(value: bytes, error: Exception) -> Fault:
    """What begins like another kind of JSON may be none at all."""
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except msgspec.DecodeError as wrong:
        return Reason.NOT_JSON, str(wrong)
    except RecursionError:
        pass
    return Reason.NOT_AN_OBJECT, str(error)
