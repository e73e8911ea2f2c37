"""The simple workload: four counts and four sums a user, and the nearest of six fixed centers.

A user is told of when their nearest center changes, and at their first event.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import msgspec

TYPES: Final = ("view", "search", "cart", "purchase")
PARTITIONS: Final = 4
MARKS: Final = 10  # so often in each partition comes a user who was never seen before
VIEWER: Final = 20  # so many views make one

Profile = list[float]  # four counts, four sums, and the nearest center

_CENTERS: Final = (
    (1.0, 0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0),
    (10.0, 2.0, 1.0, 0.0, 500.0, 100.0, 50.0, 0.0),
    (25.0, 5.0, 3.0, 1.0, 1_250.0, 250.0, 150.0, 50.0),
    (50.0, 10.0, 6.0, 3.0, 2_500.0, 500.0, 300.0, 150.0),
    (100.0, 20.0, 12.0, 6.0, 5_000.0, 1_000.0, 600.0, 300.0),
    (300.0, 60.0, 36.0, 18.0, 15_000.0, 3_000.0, 1_800.0, 900.0),
)
_WEIGHTS: Final = (80, 12, 5, 3)


class Event(msgspec.Struct, gc=False):
    """What the programs read of an event."""

    event_type: str
    price: float


class Told(msgspec.Struct, gc=False):
    """What they tell of a user."""

    user: str
    cluster: int
    counts: list[float]
    sums: list[float]


decode = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode


def new_profile() -> Profile:
    """Of somebody who was not seen yet."""
    return [0.0] * 8 + [-1]


def step(profile: Profile, event: Event) -> bool:
    """Bring a profile forward by an event; whether the user is to be told of."""
    kind = TYPES.index(event.event_type)
    profile[kind] += 1
    profile[4 + kind] += event.price
    before, profile[8] = profile[8], _nearest(profile)
    return before != profile[8]


def told(user: str, profile: Profile) -> bytes:
    """A record of a user."""
    return encode(Told(user, int(profile[8]), profile[:4], profile[4:8]))


def events(count: int, users: int, now_ms: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of events, the markers among them."""
    draw = random.Random(1)
    kinds = draw.choices(TYPES, _WEIGHTS, k=9_973)
    prices = [draw.randint(100, 9_900) / 100 for _ in range(9_967)]
    every = count // MARKS
    for number in range(1, count + 1):
        user = int(users * draw.random() ** 2)
        event_type, price = kinds[number % 9_973], prices[number % 9_967]
        yield user % PARTITIONS, b"u%d" % user, _value(b"u%d" % user, now_ms, event_type, price)
        if number % every == 0:
            for partition in range(PARTITIONS):
                name = marker(number // every, partition).encode()
                yield partition, name, _value(name, now_ms, "view", 1.0)


def marker(tenth: int, partition: int) -> str:
    """Who comes into a partition once so many tenths of the events are in the topic."""
    return f"mark-{tenth}-{partition}"


def _value(user: bytes, now_ms: int, event_type: str, price: float) -> bytes:
    return b'{"user_id":"%b","event_time":%d,"event_type":"%b","price":%.2f}' % (
        user,
        now_ms,
        event_type.encode(),
        price,
    )


def _nearest(profile: Profile) -> int:
    a, b, c, d, e, f, g, h, _ = profile
    best, found = float("inf"), 0
    for number, (p, q, r, s, t, u, v, w) in enumerate(_CENTERS):
        far = (
            (a - p) ** 2
            + (b - q) ** 2
            + (c - r) ** 2
            + (d - s) ** 2
            + (e - t) ** 2
            + (f - u) ** 2
            + (g - v) ** 2
            + (h - w) ** 2
        )
        if far < best:
            best, found = far, number
    return found
