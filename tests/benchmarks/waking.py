"""How often users are judged, live and idle: counted, at moments of a simulated wall clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from operators.base.durations import US_PER_UNIT
from operators.base.moments import parse_moment_us
from tests.benchmarks.lanes import Lane
from tests.benchmarks.workloads.workload import Workload

LOOK_US: Final = 10 * US_PER_UNIT["s"]


class Judgements(NamedTuple):
    """Judgements of a user while events came, and after that, and the events."""

    live: int
    idle: int
    events: int

    def per_event(self) -> float:
        """All of them, by events."""
        return (self.live + self.idle) / self.events


class _Timed(msgspec.Struct, gc=False):
    event_time: str


def judgements(
    workload: Workload, given: Iterable[tuple[bytes, bytes]], idle_us: int, look_us: int = LOOK_US
) -> Judgements:
    """Feed a live lane events in the order of their time, then none for a while.

    Events come, and time is looked at, at multiples of `look_us`.
    """
    lane = Lane(workload, wall=True)
    now_us = 0
    for now_us, events in groupby(_by_time(given), lambda each: -(-each[0] // look_us) * look_us):
        _pass(lane, now_us - look_us, look_us)
        lane.feed([event for _, event in events], now_us)
    live = lane.judged
    _pass(lane, now_us + idle_us, look_us)
    return Judgements(live, lane.judged - live, lane.events)


def _pass(lane: Lane, until_us: int, look_us: int) -> None:
    """Let time pass for a lane that is looked at when something is due."""
    while (due_us := lane.next_due_us()) <= until_us:
        lane.pass_time(max(-(-due_us // look_us) * look_us, due_us))


def _by_time(given: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    decode = msgspec.json.Decoder(_Timed).decode
    timed = [(parse_moment_us(decode(value).event_time, UTC), (key, value)) for key, value in given]
    yield from sorted(timed, key=lambda each: each[0])
