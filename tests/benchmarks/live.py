"""`flockwise run` with both jobs, as its users have it, over a topic of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from flink_job.config.load import check
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.lags import lag
from flink_job.kafka_client.topics import make_topics
from flink_job.plan import Plan
from flink_job.stack import CassandraAccess
from operators.base.errors import StoreError
from tests.benchmarks.commands import Command, flockwise, started, until, write_config
from tests.benchmarks.jobs import output, store_of
from tests.benchmarks.room import Room
from tests.benchmarks.sending import INSIDE, Sender, features
from tests.benchmarks.topics import PARTITIONS
from tests.benchmarks.workloads.workload import Workload

_STARTS_WITHIN_S: Final = 400
_FIRST: Final = "first"


@dataclass(frozen=True)
class Live:
    """A live job: its plan, its topic of events, and where its store is."""

    plan: Plan
    topic: str
    access: CassandraAccess

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return str(self.plan.kafka.output_broker().bootstrap)  # type: ignore[union-attr]

    @contextmanager
    def run(self, *options: str) -> Iterator[Command]:
        """`flockwise run` in a process of its own; killed, if it was not stopped."""
        path = self.plan.base / f"{self.plan.config.name}.yaml"
        said = self.plan.base / f"{self.plan.config.name}.out"
        with started(flockwise("run", *options, path), said) as command:
            yield command

    def wait_for_a_row(self, command: Command, sender: Sender) -> None:
        """Wait until an event has come to the store."""
        open_store = self.plan.store()
        assert open_store is not None

        def there() -> bool:
            command.check()
            sender.one(_FIRST)
            with suppress(StoreError):
                return store.lookup(_FIRST) is not None
            return False

        with closing(open_store()) as store:
            until(there, _STARTS_WITHIN_S, "a first row", command)

    def wait_for_all(self, command: Command, within_s: float) -> None:
        """Wait until both jobs have committed all that there is to read.

        Raises:
            BadAnswerError: they have not within a time; or the command has ended.
        """
        plan, broker = self.plan, Broker(self.bootstrap)
        topics = plan.kafka.topics()
        reading = {
            plan.kafka.segment_group(): [self.topic],
            plan.kafka.upsert_group(): [topics.assignments, topics.transitions],
        }

        def done() -> bool:
            command.check()
            lags = (lag(broker, read, group, from_start=True) for group, read in reading.items())
            return not any(lags)

        until(done, within_s, "the last event", command)


def live_job(room: Room, name: str, workload: Workload, **run: Any) -> Live:
    """Make topics, keyspace and configuration of a job; events have their times in us."""
    access, bootstrap, topic = room.keyspace(f"bench_{name}"), room.bootstrap, f"{name}-events"
    config = {
        "name": f"bench-{name}",
        "source": {"kafka": {"bootstrap": bootstrap, "topic": topic}},
        "output": {"kafka": output(bootstrap, f"bench-{name}")},
        "store": store_of(access),
        "events": {"time_unit": "us"},
        "features": features(dict(workload.features)),
        "segments": {**workload.segments, **INSIDE},
        "clusters": dict(workload.clusters),
        "run": {"state": f"state-{name}", **run},
    }
    write_config(room.folder, config)
    plan = Plan(check(config, "the benchmark"), room.folder)
    kafka.make_topic(Broker(bootstrap), topic, PARTITIONS)
    make_topics(Broker(bootstrap), plan.kafka.topics(), steered=True)
    return Live(plan, topic, access)
