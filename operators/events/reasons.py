"""Why an input could not be used: the one list of reasons."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason of a dead letter."""

    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    INVALID_UTF8 = "invalid_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    BAD_ROW = "bad_row"  # a CSV row with other columns than the header
    NULL_KEY = "null_key"
    MISSING_USER = "missing_user"
    BAD_USER = "bad_user"
    KEY_MISMATCH = "key_mismatch"
    MISSING_TIME = "missing_time"
    BAD_TIME = "bad_time"
    BEFORE_1970 = "before_1970"
    FUTURE = "future"
    MISSING_TYPE = "missing_type"
    BAD_TYPE = "bad_type"
    BAD_SESSION = "bad_session"
    BAD_ID = "bad_id"
    BAD_VALUE = "bad_value"  # a property that a feature reads is not what it must be
    LATE = "late"
    BAD_ROSTER = "bad_roster"  # a record of the roster, not an event
    BAD_CONTROL = "bad_control"  # a message of the control topic, not an event
