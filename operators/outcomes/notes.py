"""What was noted of messages for outcomes and is not settled yet: columns of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Ints, Rows
from operators.features.brought import ROW
from operators.outcomes.attribution import OTHER

_GONE: Final = -1  # the place of a segment that is not measured any more


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The tables as bytes of int64, with how many rows each has, and the segments."""

    segments: list[tuple[str, str]]
    rows: list[int]
    tables: list[bytes]


@dataclass(frozen=True)
class Notes:
    """Eight tables, int64[columns, n] each; those of one user are in the order in which they came.

    `sessions`, `conversions` and `activity` are as `Brought` has them, in rows of Assign's table.
    `began` has for each session that was opened, and `stood` for each conversion, the group in each
    segment, and below these the cluster in each model, of its user. `entering` has user, segment
    and standing of those who come to count in a segment. `moves` and `cluster_moves` are as `Days`
    takes them.
    """

    sessions: Ints
    began: Ints
    conversions: Ints
    stood: Ints
    activity: Ints
    entering: Ints
    moves: Ints
    cluster_moves: Ints

    def __len__(self) -> int:
        return int(self.sessions.shape[1] + self.conversions.shape[1])

    @property
    def rows(self) -> Rows:
        """The users, each once, ascending."""
        of_users = (self.sessions, self.conversions, self.activity, self.entering)
        rows: Rows = np.unique(np.concatenate([table[ROW] for table in of_users]))
        return rows

    @property
    def tables(self) -> list[Ints]:
        """All of them."""
        return [getattr(self, field.name) for field in fields(self)]

    @classmethod
    def together(cls, some: Sequence[Notes]) -> Notes:
        """Several, one after the other."""
        columns = zip(*(note.tables for note in some), strict=True)
        return cls(*map(_joined, columns))

    def to_bytes(self, segments: Sequence[tuple[str, str]]) -> bytes:
        """As bytes; segments are known by their names and series."""
        tables = self.tables
        rows, data = [len(table) for table in tables], [table.tobytes() for table in tables]
        return _encode(_Stored(list(segments), rows, data))

    @classmethod
    def from_bytes(cls, data: bytes, segments: Sequence[tuple[str, str]]) -> Notes:
        """What such bytes say to whoever measures these segments."""
        stored = _decode(data)
        tables = zip(stored.tables, stored.rows, strict=True)
        notes = cls(*(np.frombuffer(x, np.int64).reshape(n, -1) for x, n in tables))
        if stored.segments == list(segments):
            return notes
        known = {segment: at for at, segment in enumerate(segments)}
        places = np.array([known.get(each, _GONE) for each in stored.segments], np.int64)
        return notes._moved(places, len(segments))

    def _moved(self, places: Ints, segments: int) -> Notes:
        """The same where segments have other places, or none."""
        entering = self.entering[:, places[self.entering[1]] != _GONE].copy()
        entering[1] = places[entering[1]]
        moves = self.moves[:, places[self.moves[0]] != _GONE].copy()
        moves[0] = places[moves[0]]
        return Notes(
            self.sessions,
            _grouped(self.began, places, segments),
            self.conversions,
            _grouped(self.stood, places, segments),
            self.activity,
            entering,
            moves,
            self.cluster_moves,
        )


def _grouped(stood: Ints, places: Ints, segments: int) -> Ints:
    """Groups by other places of segments; the clusters below them stay."""
    groups = np.full((segments, stood.shape[1]), OTHER)
    there = np.flatnonzero(places != _GONE)
    groups[places[there]] = stood[there]
    return np.vstack([groups, stood[len(places) :]])


def _joined(tables: Sequence[Ints]) -> Ints:
    """Tables side by side; one without columns may have fewer rows than others."""
    filled = [table for table in tables if table.shape[1]]
    return np.concatenate(filled, axis=1) if filled else tables[0]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Stored).decode
