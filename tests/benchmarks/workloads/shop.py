"""Events of the demo's shop: users come in sessions, and are alike in groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from flink_job.demo.events import records
from flink_job.demo.population import Population
from flink_job.demo.simulation import simulate
from operators.base.durations import US_PER_UNIT
from tests.benchmarks.workloads.workload import Records

DAYS: Final = 5  # of one simulation, in which a shopper has some hundred events
EVENTS_EACH: Final = 100

_USER: Final = b'{"user_id":"'  # every event begins so
_HOT: Final = b"hot"


def shop(end_us: int, events: int, users: int) -> Iterator[tuple[bytes, bytes]]:
    """So many events of so many shoppers, the last of which are just before a moment.

    Simulations of the same shoppers follow each other as often as needed.
    """
    return islice(_simulations(end_us, events, users), events)


def _simulations(end_us: int, events: int, users: int) -> Iterator[tuple[bytes, bytes]]:
    for later in reversed(range(-(-events // (users * EVENTS_EACH)) + 1)):
        over_us = end_us - later * DAYS * US_PER_UNIT["d"]
        yield from records(simulate(Population(users, DAYS, over_us), seed=later))


def spread(given: Records, ways: int) -> Records:
    """The same events, those of each user dealt out in turn to `ways` users."""
    seen = Counter[bytes]()
    for user, value in given:
        yield renamed(user, value, b"%b-%d" % (user, seen[user] % ways))
        seen[user] += 1


def with_a_hot_user(given: Records) -> Records:
    """The same events, every other one of them by one and the same user."""
    for number, (user, value) in enumerate(given):
        yield renamed(user, value, _HOT) if number % 2 else (user, value)


def renamed(user: bytes, value: bytes, name: bytes) -> tuple[bytes, bytes]:
    """An event as that of another user."""
    return name, b"%b%b%b" % (_USER, name, value[len(_USER) + len(user) :])
