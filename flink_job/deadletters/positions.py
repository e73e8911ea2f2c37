"""How far the dead letters of a part have been replayed, when those of a reason may be ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReplayPosition:
    """All letters before `done` have been replayed, those of a reason before `ahead[reason]`."""

    done: int = 0
    ahead: Mapping[str, int] = field(default_factory=dict)

    def is_past(self, at: int, reason: str) -> bool:
        """Whether the letter of a reason at a position has been replayed."""
        return at < max(self.done, self.ahead.get(reason, 0))


class Reached:
    """The place in one part, as its letters are seen in order and those of some reasons taken."""

    def __init__(self, place: ReplayPosition) -> None:
        self._before = place
        self._next = place.done
        self._first_left: int | None = None
        self._taken: set[str] = set()

    def is_past(self, at: int, reason: str) -> bool:
        """Whether a letter had been replayed before."""
        return self._before.is_past(at, reason)

    def see(self, at: int, reason: str, *, taken: bool) -> None:
        """Go past a letter: taken, as every one of its reason is, or left for another time."""
        self._next = max(self._next, at + 1)
        if self.is_past(at, reason):
            return
        if taken:
            self._taken.add(reason)
        elif self._first_left is None:
            self._first_left = at

    @property
    def place(self) -> ReplayPosition:
        """The place that has been reached."""
        done = self._next if self._first_left is None else self._first_left
        ahead = {**self._before.ahead, **dict.fromkeys(self._taken, self._next)}
        return ReplayPosition(done, {reason: at for reason, at in ahead.items() if at > done})
