"""The simple workload by quixstreams, exactly once: `quix BOOTSTRAP FROM TO FOLDER`.

Two processes of it share the work: they are of one consumer group.
"""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application

from tests.benchmarks.contenders.simple import decode, new_profile, step, told


def advance(value: bytes, key: bytes, _timestamp: int, _headers: Any, state: Any) -> bytes | None:
    """What is told of an event, if anything: the next of a user's profile."""
    profile = state.get("profile") or new_profile()
    tells = step(profile, decode(value))
    state.set("profile", profile)
    return told(key.decode(), profile) if tells else None


def main(bootstrap: str, source: str, target: str, folder: str) -> None:
    """Run until a signal ends it."""
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{target}",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        auto_offset_reset="earliest",
        state_dir=folder,
        loglevel="WARNING",
    )
    events = app.topic(source, value_deserializer="bytes")
    changes = app.topic(target, value_serializer="bytes")
    stream = app.dataframe(events).apply(advance, stateful=True, metadata=True)
    stream[stream.apply(lambda record: record is not None)].to_topic(changes)
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
