"""The simple workload by bytewax, without recovery: `python -m bytewax.run` makes processes of it.

BENCH_BOOTSTRAP, BENCH_FROM and BENCH_TO say where it reads and writes. It ends with the topic.
"""

from __future__ import annotations

import os

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow

from tests.benchmarks.contenders.simple import Event, Profile, decode, new_profile, step, told

_BATCH = 1_000


def read(messages: list[KafkaSourceMessage]) -> list[tuple[str, Event]]:
    """Events by user."""
    return [(message.key.decode(), decode(message.value)) for message in messages]


def advance(profile: Profile | None, event: Event) -> tuple[Profile, list[Profile]]:
    """The next profile, and it once more if the user is to be told of."""
    profile = profile or new_profile()
    tells = step(profile, event)
    return profile, [list(profile)] if tells else []


def write(changes: list[tuple[str, Profile]]) -> list[KafkaSinkMessage]:
    """Records of users."""
    return [KafkaSinkMessage(user.encode(), told(user, profile)) for user, profile in changes]


flow = Dataflow("simple")
brokers = [os.environ["BENCH_BOOTSTRAP"]]
source = kafka.input(
    "events",
    flow,
    brokers=brokers,
    topics=[os.environ["BENCH_FROM"]],
    tail=False,
    batch_size=_BATCH,
)
keyed = op.flat_map_batch("read", source.oks, read)
changes = op.stateful_flat_map("advance", keyed, advance)
records = op.flat_map_batch("write", changes, write)
kafka.output("changes", records, brokers=brokers, topic=os.environ["BENCH_TO"])
