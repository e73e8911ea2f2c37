"""What Assign is handed as bytes: evaluated features by Profile, messages of control by Steer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from operators.base.arrays import Floats, Ints, Rows, missing
from operators.contracts.control.messages import Message, Preview, Segments, Started
from operators.features.brought import Brought
from operators.features.clocks import EvaluationRound, OwnTimes, Step
from operators.features.lifetime import NONE_FORGOTTEN, Forgotten
from operators.features.profiles import Profiles
from operators.pages.table import UserTable


class _Round(msgspec.Struct, frozen=True, array_like=True):
    """A round in bytes: int64[n] positions in the users, int64[n], float64[features, n]."""

    users: bytes
    now_us: bytes
    values: bytes


class _Forgotten(msgspec.Struct, frozen=True, array_like=True):
    """Users to be forgotten, at int64[n], and why."""

    users: list[str]
    at_us: bytes
    why: str


class _Brought(msgspec.Struct, frozen=True, array_like=True):
    """What users did, beside: the tables of `Brought`, with positions in the users, as bytes.

    `widths` says how many columns each has.
    """

    widths: tuple[int, int, int]
    tables: tuple[bytes, bytes, bytes]


class Packed(msgspec.Struct, frozen=True, tag_field="kind", tag="evaluations"):
    """Evaluations whose users and texts stand in the message itself; then who is forgotten.

    `time` is now, or int64[some]: how far the first of the users have come; the others only
    brought something.
    """

    time: int | bytes
    event_at_ms: int | None
    users: list[str]
    texts: list[str]
    rounds: list[_Round]
    forgotten: _Forgotten
    brought: _Brought | None = None


encode = msgspec.msgpack.Encoder().encode
read = msgspec.msgpack.Decoder(Packed | Segments | Preview | Started).decode
read_message = msgspec.msgpack.Decoder(Message).decode


@dataclass(frozen=True)
class Evaluations:
    """Rounds of evaluated users, in the rows and codes of the receiver's table.

    `time` is that of the `Step`; `event_at_ms` the time in Kafka of the newest event behind
    this, None if time alone brought it about. A user who is `forgotten` then has no evaluation
    after it.
    """

    time: int | OwnTimes
    event_at_ms: int | None
    rounds: list[EvaluationRound]
    forgotten: Forgotten = NONE_FORGOTTEN
    brought: Brought | None = None


def pack(
    profiles: Profiles, step: Step, event_at_ms: int | None, brought: Brought | None = None
) -> bytes:
    """A step as a message. Who is evaluated, and texts, stand in it once, by no row or code."""
    table, rounds, forgotten, time = profiles.table, step.rounds, step.forgotten, step.time
    rows = time.rows if isinstance(time, OwnTimes) else _users(rounds)
    everyone = np.append(rows, missing(brought.rows, rows)) if brought else rows
    coded = _coded(profiles)
    codes, rounds = _renumbered(rounds, coded)
    message = Packed(
        time=time.until_us.tobytes() if isinstance(time, OwnTimes) else time,
        event_at_ms=event_at_ms,
        users=[table.users[row] for row in everyone.tolist()],
        texts=[table.dictionary.text(code) for code in codes.tolist()],
        rounds=[
            _Round(
                users=np.searchsorted(rows, round_.rows).tobytes(),
                now_us=round_.now_us.tobytes(),
                values=round_.values.tobytes(),
            )
            for round_ in rounds
        ],
        forgotten=_Forgotten(
            users=[table.users[row] for row in forgotten.rows.tolist()],
            at_us=forgotten.at_us.tobytes(),
            why=forgotten.why,
        ),
        brought=_packed(brought, everyone) if brought else None,
    )
    return encode(message)


def unpack(packed: Packed, table: UserTable, coded: Sequence[int]) -> Evaluations:
    """Evaluations in terms of another table; users who are new to it get rows.

    Whoever is forgotten and was never heard of is passed over. `coded` are the positions of the
    features whose values are dictionary codes.
    """
    rows = table.rows_of(packed.users)
    # The last one stands for NaN, which has no code.
    codes = np.append(table.codes_of(packed.texts).astype(np.float64), np.nan)
    rounds = []
    for part in packed.rounds:
        now_us = np.frombuffer(part.now_us, np.int64)
        values = np.frombuffer(part.values, np.float64).reshape(-1, len(now_us))
        if coded:
            values = values.copy()
            numbers = values[coded]
            values[coded] = codes[np.where(np.isnan(numbers), -1, numbers).astype(np.int64)]
        rounds.append(EvaluationRound(rows[np.frombuffer(part.users, np.int64)], now_us, values))
    return Evaluations(
        packed.time if isinstance(packed.time, int) else _own_times(rows, packed.time),
        packed.event_at_ms,
        rounds,
        _known(packed.forgotten, table),
        _brought(packed.brought, rows) if packed.brought else None,
    )


def _packed(brought: Brought, users: Rows) -> _Brought:
    positions = np.zeros(int(users.max()) + 1, np.int64)
    positions[users] = np.arange(len(users))
    first, second, third = brought.of(positions).tables
    return _Brought(
        (len(first), len(second), len(third)),
        (first.tobytes(), second.tobytes(), third.tobytes()),
    )


def _brought(packed: _Brought, rows: Rows) -> Brought:
    tables = zip(packed.tables, packed.widths, strict=True)
    return Brought(*(np.frombuffer(x, np.int64).reshape(n, -1) for x, n in tables)).of(rows)


_NONE: Rows = np.zeros(0, np.int64)


def _users(rounds: Sequence[EvaluationRound]) -> Rows:
    """Who is evaluated, each once, ascending."""
    rows: Rows = np.unique(np.concatenate([_NONE, *(round_.rows for round_ in rounds)]))
    return rows


def _own_times(rows: Rows, until_us: bytes) -> OwnTimes:
    times_us = np.frombuffer(until_us, np.int64)
    rows = rows[: len(times_us)]
    order = np.argsort(rows)
    return OwnTimes(rows[order], times_us[order])


def _known(forgotten: _Forgotten, table: UserTable) -> Forgotten:
    rows = np.array([table.index.get(user, -1) for user in forgotten.users], np.int64)
    known = rows >= 0
    return Forgotten(rows[known], np.frombuffer(forgotten.at_us, np.int64)[known], forgotten.why)


def _coded(profiles: Profiles) -> list[int]:
    columns = profiles.catalog.columns.values()
    return [at for at, column in enumerate(columns) if column.kind.coded]


def _renumbered(
    rounds: Sequence[EvaluationRound], coded: list[int]
) -> tuple[Ints, list[EvaluationRound]]:
    """The codes that occur, and the rounds with each code replaced by its position in them."""
    if not coded or not rounds:
        return _NONE, list(rounds)
    found = np.unique(np.concatenate([round_.values[coded].ravel() for round_ in rounds]))
    found = found[~np.isnan(found)]
    return found.astype(np.int64), [
        EvaluationRound(round_.rows, round_.now_us, _replaced(round_.values, coded, found))
        for round_ in rounds
    ]


def _replaced(values: Floats, coded: list[int], found: Floats) -> Floats:
    codes = values[coded]
    values = values.copy()
    values[coded] = np.where(np.isnan(codes), np.nan, np.searchsorted(found, codes))
    return values
