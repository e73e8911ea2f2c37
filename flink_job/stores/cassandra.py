"""A store in Cassandra, for many readers and more users than one machine holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final, TypeVar

from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent
from cassandra.query import PreparedStatement

from flink_job.stores.audiences import cluster_audience, segment_audience
from flink_job.stores.base import Member, Store, StoreOwner, newest, tombstones
from flink_job.stores.cassandra_batches import Bound, by_partition, keys_of_a_read, over_partitions
from flink_job.stores.cassandra_outcomes import TABLE, OutcomeStatements, has_outcomes
from flink_job.stores.cassandra_plan import BUCKETS, Move, Stored, plan
from flink_job.stores.cassandra_session import Node, close, connect, failures
from flink_job.stores.cassandra_statements import RESULTS, Statements
from operators.base.errors import PreflightError, StoreError
from operators.contracts.outcomes import DayOutcomes, OutcomeRecord, outcome_decoder
from operators.contracts.records import (
    Assignment,
    Change,
    Tombstone,
    Transition,
    assignment_decoder,
    transition_decoder,
)

_US_PER_S: Final = 1_000_000
_TRUNCATED_WITHIN_S: Final = 60.0

# Nobody's name, and a time before every version: what `check` deletes was never there.
_NOBODY: Final = Tombstone("\x00flockwise check", 1)
_NO_DAY: Final = DayOutcomes(_NOBODY.user, "", "", version=1, gone=True)


AWrite = TypeVar("AWrite")


@dataclass(frozen=True)
class Keyspace:
    """Where the tables are, and how they are used.

    `concurrency` is how many requests of a batch are under way at once.
    """

    node: Node
    name: str
    keep_transitions_us: int
    concurrency: int

    def __str__(self) -> str:
        return f"keyspace {self.name} of {self.node}"


@dataclass(frozen=True)
class _Open:
    session: Session
    statements: Statements


class CassandraStore(Store):
    """A `Store` in a keyspace with the tables of deploy/cassandra.cql.

    It connects at its first use and, after a failure to connect, at the next.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def apply(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> None:
        with failures(f"{self._keyspace} can't be written"):
            self._apply(changes, transitions)
            if outcomes:
                self._all(by_partition(self._outcomes.writes(outcomes)))

    def lookup(self, user: str) -> Assignment | None:
        rows = self._read(self._open.statements.record, user)
        return next((assignment_decoder.decode(row.record) for row in rows), None)

    def members(self, segment: str) -> Iterator[Member]:
        return self._members(segment_audience(segment))

    def cluster_members(self, model: str, cluster: int) -> Iterator[Member]:
        return self._members(cluster_audience(model, cluster))

    def transitions(self, user: str, limit: int) -> list[Transition]:
        rows = self._read(self._open.statements.transitions, user, limit)
        return [transition_decoder.decode(row.record) for row in rows]

    def assignments(self) -> Iterator[Assignment]:
        rows = self._read(self._open.statements.records)
        return (assignment_decoder.decode(row.record) for row in rows)

    def owner(self) -> StoreOwner | None:
        rows = self._read(self._open.statements.owner)
        return next((StoreOwner(row.job, row.changelog, row.since) for row in rows), None)

    def give_to(self, owner: StoreOwner, before: StoreOwner | None) -> bool:
        with failures(f"{self._keyspace} can't be written"):
            query, values = self._open.statements.give_to(owner, before)
            return bool(self._open.session.execute(query, values).was_applied)

    def empty(self) -> None:
        with failures(f"{self._keyspace} can't be emptied"):
            for table in (*RESULTS, *([TABLE] if has_outcomes(self._open.session) else ())):
                self._open.session.execute(f"TRUNCATE {table}", timeout=_TRUNCATED_WITHIN_S)

    def all_members(self) -> Iterator[tuple[str, Member]]:
        rows = self._read(self._open.statements.all_members)
        return ((row.audience, Member(row.user, row.since or None, row.version)) for row in rows)

    def all_transitions(self) -> Iterator[Transition]:
        rows = self._read(self._open.statements.all_transitions)
        return (transition_decoder.decode(row.record) for row in rows)

    def outcomes(self) -> Iterator[OutcomeRecord]:
        with failures(f"{self._keyspace} can't be read"):
            rows = self._open.session.execute(self._outcomes.records)
            yield from (outcome_decoder.decode(row.record) for row in rows)

    def check(self, *, outcomes: bool = False) -> None:
        try:
            with failures(f"{self._keyspace} can't be used"):
                self._try_everything()
                if outcomes:
                    self._all([(self._outcomes.records, ())])
                    self._all(by_partition(self._outcomes.writes([_NO_DAY])))
        except StoreError as error:
            raise PreflightError(f"{error}{_advice(error.__cause__)}") from error

    @property
    def server(self) -> str:
        return str(self._keyspace.node)

    def probe(self, within_s: float) -> None:
        with failures(f"{self._keyspace} can't be read"):
            opened = self._open
            opened.session.execute(opened.statements.record, (_NOBODY.user,), timeout=within_s)

    def close(self) -> None:
        self.__dict__.pop("_outcomes", None)
        opened = self.__dict__.pop("_open", None)
        if opened is not None:
            close(opened.session)

    @cached_property
    def _open(self) -> _Open:
        session = connect(self._keyspace.node, self._keyspace.name)
        try:
            ttl_s = max(self._keyspace.keep_transitions_us // _US_PER_S, 1)
            with failures(f"{self._keyspace} can't be used"):
                return _Open(session, Statements(session, ttl_s))
        except BaseException:
            close(session)
            raise

    @cached_property
    def _outcomes(self) -> OutcomeStatements:
        return OutcomeStatements(self._open.session)

    def _apply(self, changes: Sequence[Change], transitions: Sequence[Transition]) -> None:
        statements = self._open.statements
        moves = self._moves(newest(changes))
        self._all(over_partitions(_each(statements.begin, moves)))
        moves = self._not_deleted(moves)
        notes = [statements.note(transition) for transition in transitions]
        drops = [statements.drop_notes(tombstone) for tombstone in tombstones(changes)]
        self._all(
            chain(
                by_partition(_each(statements.settle, moves)),
                over_partitions([*notes, *drops]),
            )
        )
        self._all(over_partitions(_each(statements.finish, moves)))

    def _moves(self, changes: Sequence[Change]) -> list[Move]:
        rows = self._by_user(self._open.statements.stored, [change.user for change in changes])
        planned = [plan(change, _stored(rows.get(change.user))) for change in changes]
        return [move for move in planned if move is not None]

    def _not_deleted(self, moves: Sequence[Move]) -> list[Move]:
        """Without those whose row is covered by the delete of a user forgotten later."""
        doubtful = {m.record.user: m.record.version for m in moves if m.may_be_deleted}
        rows = self._by_user(self._open.statements.versions, list(doubtful))
        there = {user for user, row in rows.items() if row.version == doubtful[user]}
        return [m for m in moves if m.record.user not in doubtful or m.record.user in there]

    def _members(self, audience: str) -> Iterator[Member]:
        query = self._open.statements.members
        with failures(f"{self._keyspace} can't be read"):
            for rows in self._all((query, (audience, bucket)) for bucket in range(BUCKETS)):
                yield from (Member(row.user, row.since or None, row.version) for row in rows)

    def _by_user(self, query: PreparedStatement, users: Sequence[str]) -> dict[str, Any]:
        """The rows of those users who have one."""
        answers = self._all((query, (keys,)) for keys in keys_of_a_read(users))
        return {row.user: row for rows in answers for row in rows}

    def _all(self, bound: Iterable[Bound]) -> list[Any]:
        """The results of all statements, many of them under way at once."""
        done = execute_concurrent(self._open.session, bound, self._keyspace.concurrency)
        return [result for _success, result in done]

    def _read(self, query: PreparedStatement, *values: str | int) -> Iterator[Any]:
        with failures(f"{self._keyspace} can't be read"):
            yield from self._open.session.execute(query, values)

    def _try_everything(self) -> None:
        statements = self._open.statements
        queries = (
            (statements.record, (_NOBODY.user,)),
            (statements.stored, ([_NOBODY.user],)),
            (statements.members, (_NOBODY.user, 0)),
            (statements.transitions, (_NOBODY.user, 1)),
        )
        forgetting = Move(_NOBODY, leaving=(_NOBODY.user,))
        writes = [bound for _partition, bound in statements.settle(forgetting)]
        writes += [*statements.finish(forgetting), statements.drop_notes(_NOBODY)]
        self._all([*queries, *writes])


def _each(write: Callable[[Move], Iterable[AWrite]], moves: Iterable[Move]) -> Iterator[AWrite]:
    return chain.from_iterable(map(write, moves))


def _stored(row: Any | None) -> Stored | None:
    return row and Stored(row.version, row.audiences or (), row.leaving or ())


def _advice(cause: BaseException | None) -> str:
    if isinstance(cause, Unauthorized):
        return ": the role needs SELECT and MODIFY on the keyspace"
    if isinstance(cause, InvalidRequest):
        return ": an administrator makes keyspace and tables as deploy/cassandra.cql says"
    return ""
