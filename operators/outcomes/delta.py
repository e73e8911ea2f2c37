"""What Assign tells Measure: how much a message adds to days and cohorts, as bytes of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec


class DayDelta(msgspec.Struct, frozen=True, array_like=True):
    """Of one day.

    `groups` is int64[3, s, width]: what users did who were members, held out, or neither, of each
    of s segments; `moves` int64[s, 3]: entries, exits, and microseconds that those had stayed who
    left. `clusters` has, by position of the model and id, int64[width] and int64[3] of the same.
    """

    day: int
    groups: bytes
    moves: bytes
    clusters: list[tuple[int, int, bytes, bytes]]


class CohortDelta(msgspec.Struct, frozen=True, array_like=True):
    """Of those who came into a group of a segment in one period, and are in one stratum.

    `numbers` is float64[cohort_width + periods]: see `Outcomes.cohort_width`, then how many users
    were active in each period. With `other` it is of the members who have entered that segment,
    too, and has no periods.
    """

    group: int
    segment: int
    period: int
    stratum: int
    numbers: bytes
    other: int | None = None


class Delta(msgspec.Struct, frozen=True, array_like=True):
    """Of one message; `segments` are names with their series, `models` likewise."""

    segments: Sequence[tuple[str, str]]
    models: Sequence[tuple[str, str]]
    days: list[DayDelta]
    cohorts: list[CohortDelta]


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Delta).decode
