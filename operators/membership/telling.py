"""When a lane tells how many users it has, and how many are in each segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operators.base.arrays import NEVER

TELL_US: Final = 10_000_000  # news is told so late at most

_SOONEST_US: Final = 1_000_000
_A_USER_US: Final = 100  # counting takes the longer the more there are: it stays below a hundredth


@dataclass
class Telling:
    """What a lane has told of its users, at `told_us`, and whether there is `news` since.

    It is no state: a lane that was restored tells anew.
    """

    told_us: int = 0
    users: int = 0
    news: bool = True

    @property
    def due_us(self) -> int:
        """When to tell next, in microseconds since 1970; NEVER without news."""
        pause_us = min(max(_SOONEST_US, self.users * _A_USER_US), TELL_US)
        return self.told_us + pause_us if self.news else NEVER

    def heard(self, users: int, moved: bool) -> None:
        """There are so many users now, some of whom have entered or left if they have `moved`."""
        self.news = self.news or moved or users != self.users

    def told(self, users: int, now_us: int) -> None:
        """So many users were told now."""
        self.told_us, self.users, self.news = now_us, users, False
