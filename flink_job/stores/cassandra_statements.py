"""The statements of a Cassandra store, prepared once a session. All of them may run twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, PreparedStatement

from flink_job.stores.audiences import audiences
from flink_job.stores.base import StoreOwner
from flink_job.stores.cassandra_batches import Bound
from flink_job.stores.cassandra_plan import Move, bucket
from operators.contracts.records import Assignment, Tombstone, Transition, encode

# Rows a page: what is held at once of a long answer, of members in each bucket.
PAGE: Final = 1_000

# The tables of results.
RESULTS: Final = ("assignments", "members", "transitions")

Partition = tuple[str, int]


class Statements:
    """What is read and written, as statements with their values.

    `transitions_ttl_s` is how long a transition stays, in seconds from its writing.
    """

    def __init__(self, session: Session, transitions_ttl_s: int) -> None:
        def prepared(query: str) -> PreparedStatement:
            statement = session.prepare(query)
            statement.is_idempotent = True
            return statement

        self._ttl_s = transitions_ttl_s
        self.stored = prepared(
            "SELECT user, version, audiences, leaving FROM assignments WHERE user IN ?"
        )
        self.versions = prepared("SELECT user, version FROM assignments WHERE user IN ?")
        self.record = prepared("SELECT record FROM assignments WHERE user = ?")
        self.records = prepared("SELECT record FROM assignments")
        self.members = prepared(
            "SELECT user, since, version FROM members WHERE audience = ? AND bucket = ?"
        )
        self.all_members = prepared("SELECT audience, user, since, version FROM members")
        self.all_transitions = prepared("SELECT record FROM transitions")
        for scan in (self.records, self.members, self.all_members, self.all_transitions):
            scan.fetch_size = PAGE
        self.transitions = prepared("SELECT record FROM transitions WHERE user = ? LIMIT ?")
        self._insert = prepared(
            "INSERT INTO assignments (user, version, audiences, leaving, record) "
            "VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self._clear = prepared("DELETE leaving FROM assignments USING TIMESTAMP ? WHERE user = ?")
        self._delete = prepared("DELETE FROM assignments USING TIMESTAMP ? WHERE user = ?")
        self._enter = prepared(
            "INSERT INTO members (audience, bucket, user, since, version) "
            "VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self._leave = prepared(
            "DELETE FROM members USING TIMESTAMP ? WHERE audience = ? AND bucket = ? AND user = ?"
        )
        self._note = prepared(
            "INSERT INTO transitions (user, version, segment, record) "
            "VALUES (?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?"
        )
        self.owner = prepared("SELECT job, changelog, since FROM owner WHERE id = 'owner'")
        self._take = prepared(
            "INSERT INTO owner (id, job, changelog, since) VALUES ('owner', ?, ?, ?) IF NOT EXISTS"
        )
        self._take_from = prepared(
            "UPDATE owner SET job = ?, changelog = ?, since = ? WHERE id = 'owner' "
            "IF job = ? AND changelog = ? AND since = ?"
        )
        self._drop_notes = prepared("DELETE FROM transitions USING TIMESTAMP ? WHERE user = ?")

    def give_to(self, owner: StoreOwner, before: StoreOwner | None) -> Bound:
        """Write whose store it is, if it is still that of who had it before."""
        values = (owner.job, owner.changelog, owner.since)
        if before is None:
            return self._take, values
        return self._take_from, (*values, before.job, before.changelog, before.since)

    def begin(self, move: Move) -> list[Bound]:
        """Round 1: what has to stand before members rows change."""
        record = move.record
        if not isinstance(record, Assignment):
            return []
        # Unset rather than null: a null would be one more delete to keep, each time.
        leaving = set(move.leaving) or UNSET_VALUE
        body = encode(record).decode()
        kept = list(audiences(record))
        values = (record.user, record.version, kept, leaving, body, record.version)
        return [(self._insert, values)]

    def settle(self, move: Move) -> Iterator[tuple[Partition, Bound]]:
        """Round 2: the user's members rows, each with its partition."""
        record = move.record
        user, version, place = record.user, record.version, bucket(record.user)
        for audience in move.leaving:
            yield (audience, place), (self._leave, (version, audience, place, user))
        if isinstance(record, Assignment):
            for audience, since in audiences(record).items():
                values = (audience, place, user, since or "", version, version)
                yield (audience, place), (self._enter, values)

    def finish(self, move: Move) -> list[Bound]:
        """Round 3: nothing is left to remove; a forgotten user's row goes."""
        user, version = move.record.user, move.record.version
        if not isinstance(move.record, Assignment):
            return [(self._delete, (version, user))]
        return [(self._clear, (version, user))] if move.leaving else []

    def note(self, transition: Transition) -> Bound:
        """Keep a transition for as long as transitions are kept."""
        version = transition.version
        body = encode(transition).decode()
        values = (transition.user, version, transition.segment, body, version, self._ttl_s)
        return self._note, values

    def drop_notes(self, tombstone: Tombstone) -> Bound:
        """Drop the transitions of a forgotten user."""
        return self._drop_notes, (tombstone.version, tombstone.user)
