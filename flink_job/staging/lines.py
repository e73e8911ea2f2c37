"""The lines of a staged file: in each the text that its lane is the hash of, then the raw event."""

from __future__ import annotations

import zlib
from typing import Final

LANE_WIDTH: Final = 8  # hexadecimal digits of a CRC-32
RETURN: Final = "\u010d"  # stands for a carriage return, at which Flink would end the line

_CR: Final = "\r"


def lane_text(of: bytes) -> str:
    """The lane's text of a user, or of a record that has none."""
    return f"{zlib.crc32(of):08x}"


def staged_line(lane: str, value: bytes) -> bytes:
    """A record as a line of UTF-8: each byte of it is the character of its number."""
    return f"{lane}{value.decode('latin-1').replace(_CR, RETURN)}\n".encode()
