"""The lines of a staged file: in each the text that its lane is the hash of, then the raw event."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from operators.events.batch import EventBatch

LANE_WIDTH: Final = 8  # hexadecimal digits of a CRC-32
RETURN: Final = "\u010d"  # stands for a carriage return, at which Flink would end the line

_CR: Final = "\r"


def lane_text(of: bytes) -> str:
    """The lane's text of a user, or of a record that has none."""
    return f"{zlib.crc32(of):08x}"


def lines_by_user(
    values: Sequence[bytes], people: EventBatch, mark: bytes = b""
) -> Iterator[bytes]:
    """Records behind a mark as lines of UTF-8: each byte is the character of its number.

    Records of which a user was read, those of `people`, go by that; each other goes by itself.
    """
    by = list(values)
    for at, user in zip(people.source.tolist(), people.users, strict=True):
        by[at] = user.encode()
    for of, value in zip(by, values, strict=True):
        text = (mark + value).decode("latin-1").replace(_CR, RETURN)
        yield f"{lane_text(of)}{text}\n".encode()
