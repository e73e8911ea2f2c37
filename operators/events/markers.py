"""What stands in the place of values that can't be handed on as they are.

Both start with a NUL, which no JSON does.
"""

from __future__ import annotations

from typing import Final

# Flink's ARRAY_AGG passes over nulls, so the source puts this in the place of a null key or value.
NULL: Final = b"\0flockwise:null"

# Before the text of a CSV row that has other columns than the header.
BAD_ROW: Final = b"\0flockwise:row:"

# Before a line of a table in which a quote is opened and never closed: its number, a colon, itself.
_OPEN_QUOTE: Final = b"\0flockwise:quote:"


# Before a record of the roster, which comes on the way of the events.
ROSTER: Final = b"\0flockwise:roster:"


def open_quote(line: int, text: bytes) -> bytes:
    """What stands for a line of a table in which a quote is not closed."""
    return b"%b%d:%b" % (_OPEN_QUOTE, line, text)


def broken_row(value: bytes) -> tuple[str, bytes] | None:
    """What is wrong with a row of a table, and the row; None for what stands for none."""
    if value.startswith(BAD_ROW):
        return "the row has other columns than the header", value.removeprefix(BAD_ROW)
    if value.startswith(_OPEN_QUOTE):
        line, _, text = value.removeprefix(_OPEN_QUOTE).partition(b":")
        return f"line {line.decode()}: a quote is opened in this row and not closed", text
    return None
