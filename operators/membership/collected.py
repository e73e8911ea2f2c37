"""The records that one message brings about."""

from __future__ import annotations

from typing import Final

from operators.membership.members import Members, Verdicts
from operators.membership.publish import publish
from operators.moments import now_us
from operators.records import Assignment, Transition

_VERSION: Final = "version"


class Collected:
    """Every transition, and of each user the last assignment.

    The changelog is compacted: of two assignments of a user the first would only pass by.
    """

    def __init__(self, event_at_ms: int | None = None) -> None:
        self.transitions: list[Transition] = []
        self.assignments: dict[str, Assignment] = {}
        self.judged = 0
        self._event_at_ms = event_at_ms

    def add(self, members: Members, verdicts: Verdicts) -> None:
        """Publish verdicts under a version of their own."""
        self.judged += len(verdicts.rows)
        head = members.journal.head
        if len(verdicts.changed):
            head[_VERSION] = max(head.get(_VERSION, 0) + 1, now_us())
        version = head.get(_VERSION, 0)
        for record in publish(
            verdicts, members.table, members.rulebook, version, self._event_at_ms
        ):
            if isinstance(record, Transition):
                self.transitions.append(record)
            else:
                self.assignments[record.user] = record
