"""Which rows a record changes in Cassandra, given what is stored: the pure part of the store.

An assignment is written in three rounds, each durable before the next begins:

1. the user's row, which also names in `leaving` every audience (segment or cluster) whose
   members row may be there though it should not;
2. the members rows: those of its audiences in, those of `leaving` out;
3. `leaving` is cleared.

So at every moment each members row that is there is named by its user's row, and whatever
record comes after a crash, though compaction dropped the one that was under way, knows all
that it has to remove. A user is forgotten the other way round: the row goes last.

Every write and delete carries its version as its timestamp, so that one that comes late, or
again, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from flink_job.stores.audiences import audiences
from operators.contracts.records import Assignment, Tombstone

BUCKETS: Final = 32


@dataclass(frozen=True)
class Stored:
    """What a user's row says before."""

    version: int
    audiences: Collection[str]
    leaving: Collection[str]


@dataclass(frozen=True)
class Move:
    """A record to write, and the audiences whose members rows have to go.

    `may_be_deleted`: there are members to write and nothing is stored, so the user may have
    been forgotten at a later version.
    """

    record: Assignment | Tombstone
    leaving: tuple[str, ...]
    may_be_deleted: bool = False


def plan(record: Assignment | Tombstone, stored: Stored | None) -> Move | None:
    """How a record changes what is stored; None if what is stored is newer.

    A record of the version that is stored is written again: it may have been under way.
    """
    kept = audiences(record) if isinstance(record, Assignment) else ()
    if stored is None:
        return Move(record, (), may_be_deleted=bool(kept))
    if stored.version > record.version:
        return None
    return Move(record, tuple(sorted({*stored.audiences, *stored.leaving}.difference(kept))))


def bucket(user: str) -> int:
    """The bucket of a user in the members of every audience."""
    return crc32(user.encode()) % BUCKETS
