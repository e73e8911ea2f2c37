"""What a job has counted over all its attempts: Flink's counters begin anew with each."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MOST_LOOKS: Final = 10_000

Counters = Mapping[str, int]


@dataclass(frozen=True)
class Look:
    """Counters of an attempt, which is known by when it began, as they were read at a moment.

    An operator of which nothing is known yet has counted 0.

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
    not taken back: the total stands until it is reached again.
    """

    def __init__(self) -> None:
        self._attempt_ms: int | None = None
        self._before: dict[str, int] = {}  # of the attempts that have failed
        self._committed: Counters = {}  # of this one
        self._newest: dict[str, int] = {}
        self._not_committed = deque[Look](maxlen=_MOST_LOOKS)
        self._told: dict[str, int] = {}

    def of(self, look: Look) -> dict[str, int]:
        """The totals by a new look."""
        if look.attempt_ms != self._attempt_ms:
            self._begin(look.attempt_ms)
        self._add(look)
        self._told = _most(self._told, _sum(self._before, self._newest))
        return dict(self._told)

    def _begin(self, attempt_ms: int) -> None:
        self._before = _sum(self._before, self._committed)
        self._attempt_ms, self._committed, self._newest = attempt_ms, {}, {}
        self._not_committed.clear()

    def _add(self, look: Look) -> None:
        # Not those of this look alone: a TaskManager may not have answered.
        self._newest = _most(self._newest, look.counters)
        self._not_committed.append(look)
        while self._not_committed and self._not_committed[0].at_ms <= look.committed_ms:
            done = self._not_committed.popleft()
            self._committed = _most(self._committed, done.counters)


def _sum(one: Counters, other: Counters) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _most(one: Counters, other: Counters) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
