"""Fills a topic with the simple workload, and notes what must come of it: a program.

`filling BOOTSTRAP TOPIC EVENTS USERS FILE`: the file gets, by user, how often they are told of and
with which center last, and who is a viewer.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from confluent_kafka import Producer

from tests.benchmarks.contenders.simple import (
    VIEWER,
    Profile,
    decode,
    encode,
    events,
    new_profile,
    step,
)

_POLL_EVERY = 10_000


def main(bootstrap: str, topic: str, count: str, users: str, file: str) -> None:
    """Write all events, each to the partition of its user."""
    writer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "queue.buffering.max.messages": 1_000_000,
            "enable.idempotence": True,
        }
    )
    profiles: dict[bytes, Profile] = {}
    tellings: dict[bytes, int] = {}
    now_ms = time.time_ns() // 1_000_000
    sent = 0
    for partition, user, value in events(int(count), int(users), now_ms):
        _produce(writer, topic, partition, user, value)
        profile = profiles.get(user)
        if profile is None:
            profile = profiles[user] = new_profile()
            tellings[user] = 0
        tellings[user] += step(profile, decode(value))
        sent += 1
        if sent % _POLL_EVERY == 0:
            writer.poll(0)
    writer.flush()
    Path(file).write_bytes(
        encode(
            {
                "events": sent,
                "told": {
                    user.decode(): [tellings[user], int(profile[8])]
                    for user, profile in profiles.items()
                },
                "viewers": [
                    user.decode() for user, profile in profiles.items() if profile[0] >= VIEWER
                ],
            }
        )
    )


def _produce(writer: Producer, topic: str, partition: int, user: bytes, value: bytes) -> None:
    while True:
        try:
            writer.produce(topic, value, user, partition)
            return
        except BufferError:
            writer.poll(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
