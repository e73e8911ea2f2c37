"""The records that one message brings about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from operators.contracts.records import Assignment, Transition
from operators.features.lifetime import Forgotten
from operators.membership.account import Account
from operators.membership.farewell import farewells
from operators.membership.members import Members
from operators.membership.publish import Record, publish
from operators.membership.verdicts import Verdicts
from operators.outcomes.delta import Delta

_VERSION: Final = "version"


class Collected:
    """Every transition, and of each user the last assignment.

    The changelog is compacted: of two assignments of a user the first would only pass by. The
    last of a user who is forgotten is followed by a tombstone.

    With an `account` it is told of all, too; `account_ns` is how long that took.

    Args:
        clock: tells the wall clock in microseconds since 1970, which versions are taken from.
        event_at_ms: the newest event's time in Kafka.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        event_at_ms: int | None = None,
        account: Account | None = None,
    ) -> None:
        self.transitions: list[Transition] = []
        self.assignments: dict[str, Assignment] = {}
        self.judged = 0
        self._clock = clock
        self._event_at_ms = event_at_ms
        self._account = account
        self.delta: Delta | None = None
        self.account_ns = 0

    def add(self, members: Members, verdicts: Verdicts) -> None:
        """Publish verdicts, those of each user under versions of their own."""
        self.judged += verdicts.looks
        if self._account:
            with self._timed():
                self._account.add(verdicts)
        if not len(verdicts.changed):
            return
        turns, head = verdicts.turns(), members.journal.head
        versions = self._next_version(head) + turns
        head[_VERSION] = int(versions.max())
        self._collect(
            publish(verdicts, members.table, members.rulebook, versions, self._event_at_ms)
        )

    def forget(self, members: Members, forgotten: Forgotten) -> None:
        """Publish, under a version of their own, that users leave everything and are forgotten."""
        if len(forgotten):
            if self._account:
                self._account.forget(forgotten)
            version = self._next_version(members.journal.head)
            self._collect(farewells(members, forgotten, version))

    def close(self, *, settles: bool = False) -> None:
        """All of the message has come; with `settles` what is noted so far comes to a `delta`."""
        if self._account:
            with self._timed():
                self._account.close()
                self.delta = self._account.settle() if settles else None

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter_ns()
        yield
        self.account_ns += time.perf_counter_ns() - started

    def _collect(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, Transition):
                self.transitions.append(record)
            else:
                self.assignments[record.user] = record

    def _next_version(self, head: dict[str, int]) -> int:
        """A version above all of the lane's so far."""
        head[_VERSION] = max(head.get(_VERSION, 0) + 1, self._clock())
        return head[_VERSION]
