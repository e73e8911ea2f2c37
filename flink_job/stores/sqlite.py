"""A store in one SQLite file, for one machine. Readers work while a writer writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from flink_job.config.store import SqliteSpec
from flink_job.stores import sqlite_outcomes
from flink_job.stores.audiences import audiences, cluster_audience, segment_audience
from flink_job.stores.base import (
    FORGOTTEN_KEPT_US,
    Member,
    Store,
    StoreOwner,
    newest,
    tombstones,
)
from flink_job.stores.sqlite_file import (
    RESULTS,
    failures,
    open_to_read,
    open_to_write,
    transaction,
)
from operators.base.durations import parse_duration_us
from operators.base.errors import PreflightError, StoreError
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import (
    Assignment,
    Change,
    Tombstone,
    Transition,
    assignment_decoder,
    encode,
    transition_decoder,
)

_HASH_BYTES: Final = 16


def open_store(spec: SqliteSpec, _environ: Mapping[str, str]) -> SqliteStore:
    """The store of a spec."""
    return SqliteStore(Path(spec.path), parse_duration_us(spec.keep_transitions))


class SqliteStore(Store):
    """A `Store` in a file; each `apply` is one transaction.

    Transitions go once they are `keep_transitions_us` older than the newest record.
    """

    def __init__(self, path: Path, keep_transitions_us: int) -> None:
        self._path = path.absolute()
        self._keep_transitions_us = keep_transitions_us

    def apply(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> None:
        with failures(self._path), transaction(self._writer):
            self._write(changes, transitions, outcomes)

    def apply_file(
        self,
        name: str,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> bool:
        with failures(self._path), transaction(self._writer):
            noted = self._writer.execute("INSERT OR IGNORE INTO applied VALUES (?)", (name,))
            if noted.rowcount:
                self._write(changes, transitions, outcomes)
            return bool(noted.rowcount)

    def lookup(self, user: str) -> Assignment | None:
        rows = self._read("SELECT record FROM assignments WHERE user = ?", user)
        return next((assignment_decoder.decode(record) for (record,) in rows), None)

    def members(self, segment: str) -> Iterator[Member]:
        return self._members(segment_audience(segment))

    def cluster_members(self, model: str, cluster: int) -> Iterator[Member]:
        return self._members(cluster_audience(model, cluster))

    def transitions(self, user: str, limit: int) -> list[Transition]:
        rows = self._read(
            "SELECT record FROM transitions WHERE user = ? ORDER BY version DESC, segment LIMIT ?",
            user,
            limit,
        )
        return [transition_decoder.decode(record) for (record,) in rows]

    def assignments(self) -> Iterator[Assignment]:
        rows = self._read("SELECT record FROM assignments")
        return (assignment_decoder.decode(record) for (record,) in rows)

    def owner(self) -> StoreOwner | None:
        with failures(self._path):
            return self._owner()

    def give_to(self, owner: StoreOwner, before: StoreOwner | None) -> bool:
        with failures(self._path), transaction(self._writer):
            if self._owner() != before:
                return False
            row = (owner.job, owner.changelog, owner.since)
            self._writer.execute("INSERT OR REPLACE INTO owner VALUES ('owner', ?, ?, ?)", row)
            return True

    def empty(self) -> None:
        with failures(self._path), transaction(self._writer):
            for table in RESULTS:
                self._writer.execute(f"DELETE FROM {table}")

    def all_members(self) -> Iterator[tuple[str, Member]]:
        rows = self._read("SELECT audience, user, since, version FROM members")
        return ((audience, Member(*row)) for audience, *row in rows)

    def all_transitions(self) -> Iterator[Transition]:
        rows = self._read("SELECT record FROM transitions")
        return (transition_decoder.decode(record) for (record,) in rows)

    def outcomes(self) -> Iterator[OutcomeRecord]:
        with failures(self._path):
            yield from sqlite_outcomes.kept(self._reader)

    def check(self, *, outcomes: bool = False) -> None:
        try:
            with failures(self._path), transaction(self._writer):
                pass
        except StoreError as error:
            raise PreflightError(str(error)) from error

    def close(self) -> None:
        for name in ("_writer", "_reader"):
            database = self.__dict__.pop(name, None)
            if database is not None:
                database.close()

    @cached_property
    def _writer(self) -> sqlite3.Connection:
        return open_to_write(self._path)

    @cached_property
    def _reader(self) -> sqlite3.Connection:
        return open_to_read(self._path)

    def _members(self, audience: str) -> Iterator[Member]:
        rows = self._read("SELECT user, since, version FROM members WHERE audience = ?", audience)
        return (Member(*row) for row in rows)

    def _read(self, query: str, *parameters: str | int) -> Iterator[Any]:
        with failures(self._path):
            yield from self._reader.execute(query, parameters)

    def _write(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord],
    ) -> None:
        for tombstone in tombstones(changes):
            self._forget(tombstone)
        for change in newest(changes):
            if isinstance(change, Assignment) and change.version > self._known(change.user):
                self._replace(change)
        for transition in transitions:
            self._note(transition)
        sqlite_outcomes.take(self._writer, outcomes)
        said = (*changes, *transitions, *outcomes)
        self._expire(max((record.version for record in said), default=0))

    def _owner(self) -> StoreOwner | None:
        row = self._writer.execute("SELECT job, changelog, since FROM owner").fetchone()
        return row and StoreOwner(*row)

    def _known(self, user: str) -> int:
        """The largest version that is known of a user, -1 for none."""
        query = (
            "SELECT max(coalesce((SELECT version FROM assignments WHERE user = ?), -1), "
            "coalesce((SELECT version FROM forgotten WHERE user = ?), -1))"
        )
        return int(self._writer.execute(query, (user, _hash(user))).fetchone()[0])

    def _replace(self, assignment: Assignment) -> None:
        user, version = assignment.user, assignment.version
        self._writer.execute("DELETE FROM members WHERE user = ?", (user,))
        self._writer.execute(
            "INSERT OR REPLACE INTO assignments VALUES (?, ?, ?)",
            (user, version, encode(assignment).decode()),
        )
        self._writer.executemany(
            "INSERT INTO members VALUES (?, ?, ?, ?)",
            [(audience, user, since, version) for audience, since in audiences(assignment).items()],
        )

    def _forget(self, tombstone: Tombstone) -> None:
        for table in ("assignments", "members", "transitions"):
            self._writer.execute(
                f"DELETE FROM {table} WHERE user = ? AND version <= ?",
                (tombstone.user, tombstone.version),
            )
        self._writer.execute(
            "INSERT INTO forgotten VALUES (?, ?) ON CONFLICT (user) DO UPDATE "
            "SET version = excluded.version WHERE excluded.version > version",
            (_hash(tombstone.user), tombstone.version),
        )

    def _note(self, transition: Transition) -> None:
        """Keep a transition, unless its user was forgotten since."""
        self._writer.execute(
            "INSERT OR REPLACE INTO transitions SELECT ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE user = ? AND version >= ?)",
            (
                *(transition.user, transition.version, transition.segment),
                *(encode(transition).decode(), _hash(transition.user), transition.version),
            ),
        )

    def _expire(self, newest_us: int) -> None:
        for table, kept_us in (
            ("transitions", self._keep_transitions_us),
            ("forgotten", FORGOTTEN_KEPT_US),
            ("outcomes_gone", FORGOTTEN_KEPT_US),
        ):
            self._writer.execute(f"DELETE FROM {table} WHERE version < ?", (newest_us - kept_us,))


def _hash(user: str) -> bytes:
    return blake2b(user.encode(), digest_size=_HASH_BYTES).digest()
