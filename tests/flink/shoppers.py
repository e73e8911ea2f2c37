"""Random shoppers, and what a run told of them."""

from __future__ import annotations

import random

from tests.flink.harness import Run
from tests.oracle import SECOND, Event
from tests.property.replay_cases import micros
from tests.property.strategies import START


def shoppers(seed: int, users: int, count: int, back_s: int) -> list[Event]:
    """Random events in arrival order, up to `back_s` seconds late."""
    chance = random.Random(seed)
    now, events = START, []
    for _ in range(count):
        now += chance.randrange(0, 20 * SECOND)
        event = Event(
            user=f"user-{chance.randrange(users)}",
            time=now - chance.randrange(back_s + 1) * SECOND,
            type=chance.choice(["view", "view", "view", "cart", "purchase", "search"]),
            session=chance.choice([None, "s1", "s2"]),
            properties={
                "price": chance.choice([None, chance.randrange(400) / 4]),
                "shop": chance.choice([None, "a", "b", "c"]),
            },
        )
        events.append(event)
    return sorted(events, key=lambda event: event.time) if not back_s else events


def told(run: Run) -> list[tuple[str, int, str, str]]:
    return sorted((t.user, micros(t.at), t.segment, t.kind) for t in run.transitions())
