"""A job with a million users in its state: what it takes idle, how late it tells, how it starts.

The rich workload, live, with Cassandra: each of the users has one event of the last 25 days, so
that some still have much that time changes, and most have little. Then nothing comes for a while;
then events that move some of them; then the job is stopped, and goes on from its savepoint.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from operators.base.durations import US_PER_UNIT
from tests.benchmarks.commands import Command
from tests.benchmarks.latency import grows
from tests.benchmarks.live import Live, live_job
from tests.benchmarks.room import BadAnswerError, Room
from tests.benchmarks.sending import Sender
from tests.benchmarks.spending import family_bytes, family_cpu_s
from tests.benchmarks.topics import append
from tests.benchmarks.verifying import check_answers
from tests.benchmarks.watching import Watcher, watch_topic
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.workload import Records

USERS: Final = 1_000_000
FEW: Final = 1_000
SETTLE_S: Final = 60  # Java compiles what was busy for some time after
IDLE_S: Final = 60
RATE: Final = 1_000  # events a second, each of which moves a user
MEASURED_S: Final = 30
_LOADED_WITHIN_S: Final = 1_800
_STARTED_WITHIN_S: Final = 300
_ASK_EVERY_MS: Final = 200
_DAYS: Final = 25
_MIB: Final = 1024 * 1024


def measure(room: Room) -> None:
    """All parts of this room that are asked for."""
    if room.wants("idle_cpu"):
        few = live_job(room, "few", RICH)
        with _loaded(room, few, FEW) as command:
            few_cores = _idle(room, command)
            command.stop()
        check_answers(few.plan)
    many = live_job(room, "million", RICH)
    with _loaded(room, many, USERS) as command:
        if room.wants("idle_cpu"):
            cores, mib = _idle(room, command), family_bytes(command.pid) / _MIB
            room.tell("idle_cpu", cores, few_users=few_cores, more=cores - few_cores, most_mib=mib)
        room.trying(["p99_million_ms"], lambda: _late(room, many))
        command.stop()
    check_answers(many.plan)
    room.trying(["start_million_s"], lambda: _start(room, many))


@contextmanager
def _loaded(room: Room, live: Live, users: int) -> Iterator[Command]:
    """A job at work with so many users, all of whom it has told of what there is to tell."""
    append(live.bootstrap, live.topic, one_event_each(users), room.say)
    with live.run() as command:
        began_s, began_cpu_s = time.monotonic(), family_cpu_s(command.pid)
        room.say(f"loading {users:,} users")
        live.wait_for_all(command, _LOADED_WITHIN_S)
        us = (family_cpu_s(command.pid) - began_cpu_s) / users * 1e6
        room.say(f"loaded in {time.monotonic() - began_s:,.0f} s, {us:.1f} us of CPU a user")
        yield command


def one_event_each(users: int) -> Records:
    """A view of each user, all over the last days, the oldest first."""
    now_us = time.time_ns() // 1_000
    every_us = _DAYS * US_PER_UNIT["d"] // users
    for number in range(users):
        user = b"idle-%d" % number
        yield (
            user,
            b'{"user_id":"%b","event_time":%d,"event_type":"view","category":"c%d","price":%d,'
            b'"device":"desktop","place":"outside"}'
            % (user, now_us - (users - number) * every_us, number % 50, number % 90),
        )


def _idle(room: Room, command: Command) -> float:
    """The share of a core that all processes of a run take while no event comes."""
    room.say(f"idle for {SETTLE_S + IDLE_S} s")
    time.sleep(SETTLE_S)
    command.check()
    began_s, began_cpu_s = time.monotonic(), family_cpu_s(command.pid)
    time.sleep(IDLE_S)
    command.check()
    cores = (family_cpu_s(command.pid) - began_cpu_s) / (time.monotonic() - began_s)
    room.say(f"{cores:.3f} of a core")
    return cores


def _late(room: Room, live: Live) -> None:
    """How long events take to the committed changelog."""
    topics = live.plan.kafka.topics()
    watcher = Watcher(
        watch_topic, (live.bootstrap, topics.assignments, "read_committed", "assignment")
    )
    watcher.start()
    start_us = time.time_ns() // 1_000
    with closing(Sender(live.bootstrap, live.topic, RATE)) as sender:
        rate, moves = sender.send(MEASURED_S, room.say, lambda _user, _sent_us: None)
    seen = [each for each in watcher.seen() if each.sent_us >= start_us]
    if len(seen) != moves:
        raise BadAnswerError(f"of {moves} changes {len(seen)} came out")
    waits = [(each.seen_us - each.sent_us) / 1_000 for each in seen]
    if grows(waits):
        room.say("the longer it went on, the longer changes took: the rate is too high here")
    p50, p99 = (float(np.percentile(waits, at)) for at in (50, 99))
    room.tell("p99_million_ms", p99, p50_ms=p50, events_s=rate)


def _start(room: Room, live: Live) -> None:
    """From `run --resume` to the first change that a reader of committed records sees."""
    room.say("starting again")
    with (
        kafka.consumer(Broker(live.bootstrap)) as reader,
        closing(Sender(live.bootstrap, live.topic, RATE)) as sender,
    ):
        topic = live.plan.kafka.topics().assignments
        reader.assign([TopicPartition(topic, at) for at in reader.partitions_for_topic(topic)])
        reader.seek_to_end()
        for part in reader.assignment():
            reader.position(part)
        with live.run("--resume") as command:
            seen_s = _first_change(command, reader, sender)
            room.tell("start_million_s", seen_s - command.began_s)
            command.stop()
    check_answers(live.plan)


def _first_change(command: Command, reader: KafkaConsumer, sender: Sender) -> float:
    """When the first record of somebody who came since the command was given is seen."""
    newcomers, deadline_s = set[bytes](), time.monotonic() + _STARTED_WITHIN_S
    while time.monotonic() < deadline_s:
        command.check()
        name = f"newcomer-{len(newcomers)}"
        newcomers.add(name.encode())
        sender.one(name)
        polled = reader.poll(timeout_ms=_ASK_EVERY_MS)
        if any(record.key in newcomers for part in polled.values() for record in part):
            return time.time()
    raise BadAnswerError(f"no change came within {_STARTED_WITHIN_S} s of the start")
