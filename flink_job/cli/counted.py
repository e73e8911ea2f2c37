"""Tells on stderr how far long reading has come; what takes moments is not told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from rich.console import Console

_EVERY_S: Final = 5.0
_AT_ONCE: Final = 1_000  # the clock is looked at once in so many

_T = TypeVar("_T")


def counted(items: Iterable[_T], console: Console, what: str) -> Iterator[_T]:
    """Pass items on, and tell every few seconds how many there were."""
    told_s = time.monotonic()
    for count, item in enumerate(items, 1):
        if count % _AT_ONCE == 0 and time.monotonic() - told_s > _EVERY_S:
            told_s = time.monotonic()
            console.print(f"{count:,} {what}", highlight=False)
        yield item
