"""Lengths of time and sizes, as people read them at a glance."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_BYTES: Final = ("B", "kB", "MB", "GB", "TB")
_FINE_S: Final = 10


def time_text(seconds: float) -> str:
    """A length of time in its two largest units: "30 ms", "2.5 s", "42 s", "3m 12s", "5d 2h"."""
    whole = max(int(seconds), 0)
    if 0 < seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < _FINE_S:
        return f"{max(seconds, 0):.1f} s"
    if whole < dict(_UNITS)["m"]:
        return f"{whole} s"
    at = next(at for at, (_, length) in enumerate(_UNITS) if whole >= length)
    (large, length), (small, rest) = _UNITS[at], _UNITS[at + 1]
    return f"{whole // length}{large} {whole % length // rest}{small}"


def size_text(size: int) -> str:
    """A size in bytes: "512 B", "1.2 MB"."""
    amount, unit = float(size), 0
    while amount >= 1_000 and unit < len(_BYTES) - 1:
        amount, unit = amount / 1_000, unit + 1
    return f"{amount:.0f} B" if unit == 0 else f"{amount:.1f} {_BYTES[unit]}"
