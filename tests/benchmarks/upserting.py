"""How fast `upsert` fills Cassandra, beside the driver alone with the same statements.

A changelog in which every record moves its user from one segment to another, as if every event
did. The driver gets the statements that the store made of it, all at once, and keeps as many
requests under way as the store does.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from cassandra.concurrent import execute_concurrent
from kafka import KafkaProducer

from flink_job.config.load import check
from flink_job.jobs import preflight
from flink_job.jobs.assembly import upsert_folder
from flink_job.jobs.upsert import COUNTERS, upsert
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import make_topics
from flink_job.loading.outbox import Outbox
from flink_job.plan import Plan
from flink_job.runtime.environment import prepare_process
from flink_job.runtime.running import JobProgress, Watch
from flink_job.stack import CassandraAccess
from flink_job.stack.jars import ensure_jars
from flink_job.stores.cassandra import CassandraStore
from flink_job.stores.cassandra_batches import Bound
from operators.base.moments import iso_at
from operators.contracts.records import Assignment, Transition, encode
from tests.benchmarks.jobs import Spent, output, store_of
from tests.benchmarks.rates import beside, rate, told
from tests.benchmarks.room import BadAnswerError, Room
from tests.benchmarks.spending import family_cpu_s
from tests.benchmarks.verifying import check_answers
from tests.stack.servers import cassandra_store

AS_OF: Final = "2026-01-01T00:00:00Z"

_START_US: Final = 1_760_000_000_000_000
_STEP_US: Final = 1_000
_BATCH: Final = 1_000  # changes that the store is given at once for the driver's statements
_PLACES: Final = ("shelf", "cart", "till")


@dataclass(frozen=True)
class Sizes:
    """Changes of the smaller and of the larger changelog, and users."""

    few: int
    many: int
    users: int


FULL: Final = Sizes(20_000, 120_000, 10_000)
QUICK: Final = Sizes(1_000, 5_000, 500)

Changes = list[tuple[Assignment, list[Transition]]]


def measure(room: Room) -> None:
    """The one part of this room."""
    sizes = QUICK if room.quick else FULL
    few, many = (list(changes(count, sizes.users)) for count in (sizes.few, sizes.many))
    spent = _upserted(room, "many", many) - _upserted(room, "few", few)
    events = sizes.many - sizes.few
    ours = rate([spent], events)
    room.say(f"upsert: {told(ours)}")
    alone = rate([_alone(room, many)], sizes.many)
    room.say(f"the driver alone: {told(alone)}")
    room.tell("upsert", ours.events_s / alone.events_s, **beside(ours, alone))


def changes(count: int, users: int) -> Iterator[tuple[Assignment, list[Transition]]]:
    """Users in turn, each of whom goes from place to place, and is in the segment of it."""
    for number in range(count):
        turn, user = divmod(number, users)
        version = _START_US + number * _STEP_US
        place, before = _PLACES[turn % 3], _PLACES[(turn - 1) % 3]
        at, name = iso_at(version), f"shopper-{user:06}"
        why = [f"place = '{place}'"]
        assignment = Assignment(
            user=name,
            version=version,
            updated_at=at,
            segments=[place],
            since={place: at},
            why={place: why},
            rules=1,
            features={"place": place, "views_1h": float(turn), "spend_30d": 12.5, "device": None},
            event_at=version // 1_000,
        )
        entered = Transition(name, place, "enter", at, version, why, 1)
        left = [Transition(name, before, "leave", at, version, why, 1)] if turn else []
        yield assignment, [*left, entered]


def _upserted(room: Room, name: str, given: Changes) -> Spent:
    """What the `upsert` job takes for a changelog; the store is compared with it."""
    room.say(f"upsert of {len(given):,} changes")
    access = room.keyspace(f"bench_{name}")
    plan = _plan(room, name, access)
    _write(room.bootstrap, plan, given)
    jars = sorted(ensure_jars(["flink"])["flink"].glob("*.jar"))
    prepare_process(room.folder / "logs", jars, "upsert")
    watch = Watch(COUNTERS, _unheard, _failed, threading.Event())
    began_s, began_cpu_s = time.monotonic(), family_cpu_s(os.getpid())
    preflight.own_store(plan, take=False)
    with upsert_folder(plan).locked():
        upsert(plan, jars, watch)
    spent = Spent(time.monotonic() - began_s, family_cpu_s(os.getpid()) - began_cpu_s)
    with closing(cassandra_store(access)) as store:
        check_answers(plan, store=store)
    return spent


def _alone(room: Room, given: Changes) -> Spent:
    """What the driver takes for the same statements, without all else."""
    access = room.keyspace("bench_alone")
    with _recording(access) as store:
        for start in range(0, len(given), _BATCH):
            some = given[start : start + _BATCH]
            store.apply([each for each, _ in some], [each for _, own in some for each in own])
        began_s, began_cpu_s = time.monotonic(), family_cpu_s(os.getpid())
        session, concurrency = store._open.session, store._keyspace.concurrency
        execute_concurrent(session, chain.from_iterable(store.statements), concurrency)
        return Spent(time.monotonic() - began_s, family_cpu_s(os.getpid()) - began_cpu_s)


class _Recorder(CassandraStore):
    """Keeps the statements that it executes."""

    def __init__(self, keyspace: Any) -> None:
        super().__init__(keyspace)
        self.statements: list[list[Bound]] = []

    def _all(self, bound: Iterable[Bound]) -> list[Any]:
        self.statements.append(list(bound))
        return super()._all(self.statements[-1])


@contextmanager
def _recording(access: CassandraAccess) -> Iterator[_Recorder]:
    with closing(_Recorder(cassandra_store(access)._keyspace)) as store:
        yield store


def _plan(room: Room, name: str, access: CassandraAccess) -> Plan:
    config = {
        "name": f"upsert-{name}",
        "source": {"kafka": {"bootstrap": room.bootstrap, "topic": "none", "bounded": True}},
        "output": {"kafka": output(room.bootstrap, f"upsert-{name}")},
        "store": store_of(access),
        "features": {"place": {"last": "place"}},
        "segments": {place: {"when": f"place = '{place}'"} for place in _PLACES},
        "run": {"as_of": AS_OF, "state": f"state-{name}"},
    }
    return Plan(check(config, "the benchmark"), room.folder)


def _write(bootstrap: str, plan: Plan, given: Changes) -> None:
    topics = plan.kafka.topics()
    make_topics(Broker(bootstrap), topics, steered=False)
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50)) as writer:
        moves, rows = Outbox(writer, topics.transitions), Outbox(writer, topics.assignments)
        for assignment, transitions in given:
            for each in transitions:
                moves.send(each.user.encode(), encode(each))
            rows.send(assignment.user.encode(), encode(assignment))
        moves.flush()
        rows.flush()


def _unheard(_told: JobProgress) -> None:
    pass


def _failed(reason: str) -> None:
    raise BadAnswerError(f"upsert failed and was restarted: {reason}")
