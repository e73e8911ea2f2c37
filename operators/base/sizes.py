"""Amounts of memory as people write them: 512MB, 2GB, 1.5GiB."""

from __future__ import annotations

import re
from typing import Final

from operators.base.errors import UsageError

_BYTES_PER_UNIT: Final = {
    "B": 1,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "TB": 1_000_000_000_000,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_MOST_BYTES: Final = 1 << 60
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?i?B)")


def parse_size_bytes(text: str) -> int:
    """A size in bytes, more than 0.

    Raises:
        UsageError: the text is no such size.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _BYTES_PER_UNIT.get(match[2]) if match else None
    size = round(float(match[1]) * unit) if match and unit else 0
    if not 0 < size <= _MOST_BYTES:
        raise UsageError(f"expected a size such as 512MB, 2GB or 1.5GiB, found '{text}'")
    return size
