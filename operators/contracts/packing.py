"""Keyed records as single byte strings: many leave Python in one row, and the JVM parts them."""

from __future__ import annotations

from typing import Final

import msgspec

from operators.contracts.records import encode
from operators.events.markers import NULL

LENGTH_DIGITS: Final = 3  # of a key in characters: users have at most 512


def packed(key: str, record: msgspec.Struct | None) -> bytes:
    """The length of a record's key, the key, the value; a record of None is a null value."""
    value = NULL if record is None else encode(record)
    return b"%0*d%b%b" % (LENGTH_DIGITS, len(key), key.encode(), value)
