"""What a job has counted over all its attempts: Flink's counters begin anew with each."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

# For so long after counters have begun anew, Flink may still say that the old attempt is at work.
_UNSURE_MS: Final = 5_000
_MOST_LOOKS: Final = 10_000

Counters = Mapping[str, int]


@dataclass(frozen=True)
class Look:
    """Counters of an attempt, which is known by when it began, as they were read at a moment.

    `committed_ms` is when the newest checkpoint that was complete then had begun. All are
    milliseconds since 1970.
    """

    attempt_ms: int
    committed_ms: int
    at_ms: int
    counters: Counters


class Totals:
    """Adds up attempts.

    Of an attempt that has failed, what was counted before its last checkpoint began stays: the
    rest comes again. It is taken from the last look before that, so that nothing counts twice,
    and what the last second or two before the checkpoint brought may be missing. What was told is
    not taken back: the total stands until it is reached again. An operator that an attempt has
    not begun yet is told of by the counters that it had before: they are no part of this one.
    """

    def __init__(self) -> None:
        self._attempt_ms: int | None = None
        self._before: dict[str, int] = {}  # of the attempts that have failed
        self._committed: Counters = {}  # of this one
        self._newest: dict[str, int] = {}
        self._seen: Counters = {}  # by the last look that counted
        self._left_over: dict[str, int] = {}  # of attempts before, as long as they stand there
        self._not_committed = deque[Look](maxlen=_MOST_LOOKS)
        self._sure_ms = 0
        self._told: dict[str, int] = {}

    def of(self, look: Look) -> dict[str, int]:
        """The totals by a new look."""
        if self._attempt_ms is None:
            self._attempt_ms = look.attempt_ms
        if look.attempt_ms == self._attempt_ms:
            self._add(look)
        elif dict(look.counters) != self._newest:  # else they are still those of the one before
            self._begin(look)
        self._told = _most(self._told, _sum(self._before, self._newest))
        return dict(self._told)

    def _begin(self, look: Look) -> None:
        self._before = _sum(self._before, self._committed)
        self._attempt_ms, self._committed, self._newest = look.attempt_ms, {}, {}
        self._left_over = dict(self._seen)
        self._not_committed.clear()
        self._sure_ms = 0
        self._add(look)

    def _add(self, look: Look) -> None:
        seen, look = look.counters, replace(look, counters=self._own(look.counters))
        if any(count < self._newest.get(name, 0) for name, count in look.counters.items()):
            self._sure_ms = look.at_ms + _UNSURE_MS  # of a new attempt, or somebody did not answer
        if look.at_ms < self._sure_ms:
            return
        self._seen = seen
        self._newest = _most(self._newest, look.counters)
        self._not_committed.append(look)
        while self._not_committed and self._not_committed[0].at_ms <= look.committed_ms:
            done = self._not_committed.popleft()
            self._committed = _most(self._committed, done.counters)

    def _own(self, counters: Counters) -> Counters:
        """The counters that are of this attempt."""
        for name, count in counters.items():
            if self._left_over.get(name) != count:
                self._left_over.pop(name, None)
        return {name: 0 if name in self._left_over else count for name, count in counters.items()}


def _sum(one: Counters, other: Counters) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _most(one: Counters, other: Counters) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
