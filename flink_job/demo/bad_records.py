"""Records that a job can't use, made on purpose, so that dead letters can be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np

from operators.base.arrays import Ints

_FUTURE_YEARS: Final = 50  # ahead of any clock, also of one that runs long after the simulation

Fields = dict[str, Any]


def _truncated(fields: Fields) -> bytes:
    whole = msgspec.json.encode(fields)
    return whole[: len(whole) // 2]


def _not_an_object(fields: Fields) -> bytes:
    return msgspec.json.encode(list(fields.values()))


def _without_user(fields: Fields) -> bytes:
    return msgspec.json.encode({**fields, "user_id": None})


def _without_type(fields: Fields) -> bytes:
    return msgspec.json.encode({name: fields[name] for name in fields if name != "event_type"})


def _garbled_time(fields: Fields) -> bytes:
    return msgspec.json.encode({**fields, "event_time": "yesterday, around noon"})


def _future_time(fields: Fields) -> bytes:
    moment = datetime.fromisoformat(fields["event_time"])
    # The 28th exists in every month of every year.
    ahead = moment.replace(year=moment.year + _FUTURE_YEARS, day=min(moment.day, 28))
    return msgspec.json.encode({**fields, "event_time": ahead.isoformat(timespec="milliseconds")})


SPOIL: Final[Mapping[str, Callable[[Fields], bytes]]] = MappingProxyType(
    {
        "not JSON": _truncated,
        "not an object": _not_an_object,
        "missing user": _without_user,
        "missing type": _without_type,
        "garbled time": _garbled_time,
        "future time": _future_time,
    }
)
KINDS: Final = tuple(SPOIL)


@dataclass(frozen=True)
class BadRecords:
    """Where the bad records stand and what is wrong with them; both arrays are int64[m].

    Each is a spoilt copy of the event at position `after`, right behind it. `kind` is a position
    in KINDS.
    """

    after: Ints
    kind: Ints

    def __len__(self) -> int:
        return len(self.after)

    def counts(self) -> dict[str, int]:
        """The number of bad records of each kind."""
        counts = np.bincount(self.kind, minlength=len(KINDS)).tolist()
        return dict(zip(KINDS, counts, strict=True))


def draw_bad_records(events: int, share: float, rng: np.random.Generator) -> BadRecords:
    """`share` bad records for each event, all kinds alike."""
    count = round(events * share)
    after = np.sort(rng.integers(0, events, count))
    return BadRecords(after, rng.permutation(np.arange(count) % len(KINDS)))
