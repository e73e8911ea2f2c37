"""What stands in the place of values that can't be handed on as they are.

Both start with a NUL, which no JSON does.
"""

from __future__ import annotations

from typing import Final

# Flink's ARRAY_AGG passes over nulls, so the source puts this in the place of a null key or value.
NULL: Final = b"\0flockwise:null"

# Before the text of a CSV row that has other columns than the header.
BAD_ROW: Final = b"\0flockwise:row:"
