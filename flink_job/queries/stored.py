"""What a store holds, as numbers to be checked."""

from __future__ import annotations

from collections.abc import Iterable

from flink_job.queries.numbered import Columns, pair
from flink_job.queries.recorded import Recorded, content, moment
from flink_job.stores.audiences import segment_audience
from flink_job.stores.base import Member
from operators.base.arrays import Ints
from operators.contracts.records import Assignment, Transition


class StoredRows:
    """One look at all rows of a store, with the numbers of a changelog's users and audiences.

    24 bytes of an assignment or a member, 16 of a transition.
    """

    def __init__(self, recorded: Recorded) -> None:
        self._users = recorded.users
        self._audiences = recorded.audiences
        self._assignments = Columns(3)
        self._members = Columns(3)
        self._transitions = Columns(2)

    @property
    def rows(self) -> int:
        """How many there are, of all kinds."""
        return len(self._assignments) + len(self._members) + len(self._transitions)

    def read(
        self,
        assignments: Iterable[Assignment],
        members: Iterable[tuple[str, Member]],
        transitions: Iterable[Transition],
    ) -> None:
        """Take the rows."""
        for now in assignments:
            self._assignments.add(self._users.number(now.user), now.version, content(now))
        for audience, member in members:
            own = self._pair(member.user, audience)
            self._members.add(own, member.version, moment(member.since))
        for moved in transitions:
            own = self._pair(moved.user, segment_audience(moved.segment))
            self._transitions.add(own, 2 * moved.version + (moved.kind == "enter"))

    def assignments(self) -> Ints:
        """User, version, content. int64[n, 3]."""
        return self._assignments.rows()

    def members(self) -> Ints:
        """Pair, version, since. int64[n, 3]."""
        return self._members.rows()

    def transitions(self) -> Ints:
        """Pair, 2 * version + whether it enters. int64[n, 2]."""
        return self._transitions.rows()

    def _pair(self, user: str, audience: str) -> int:
        return pair(self._users.number(user), self._audiences.number(audience))
