"""Runs each of the contenders over a topic of the simple workload, and checks what it told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from flink_job.config.load import check
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import make_topics
from flink_job.plan import Plan
from flink_job.runtime.running import free_port
from tests.benchmarks.commands import Command, flockwise, started, until, write_config
from tests.benchmarks.contenders import simple
from tests.benchmarks.jobs import output
from tests.benchmarks.room import BadAnswerError, Room
from tests.benchmarks.spending import family_cpu_s
from tests.benchmarks.verifying import check_answers, members

FEATURES: Final = {
    **{f"{kind}s": {"count": kind, "window": "lifetime"} for kind in simple.TYPES},
    **{f"{kind}_sum": {"sum": "price", "of": kind, "window": "lifetime"} for kind in simple.TYPES},
}
SEGMENTS: Final = {
    "Known": {"when": "views >= 0"},  # all: so everybody is told of at their first event
    "Viewers": {"when": f"views >= {simple.VIEWER}"},
}
_STAMPED: Final = {"message.timestamp.type": "LogAppendTime"}
_WITHIN_S: Final = 900
_MS: Final = 1_000


class Expected(msgspec.Struct):
    """What must come of a topic: see `contenders/filling.py`."""

    events: int
    told: dict[str, tuple[int, int]]
    viewers: list[str]


@dataclass(frozen=True)
class Filled:
    """A topic of events, and what must come of it."""

    topic: str
    expected: Expected


@dataclass(frozen=True)
class Timeline:
    """When the command was given, the first record was written, and each tenth was through.

    Seconds since 1970; `cpu_s` is that of all processes, from their start to the last record.
    """

    began_s: float
    first_s: float
    tenths_s: Mapping[int, float]
    cpu_s: float
    events: int

    def rate(self, after: int, until_: int) -> float:
        """Events a second between two tenths; 0 stands for the first record."""
        since_s = self.tenths_s[after] if after else self.first_s
        return self.events * (until_ - after) / simple.MARKS / (self.tenths_s[until_] - since_s)

    def whole(self) -> float:
        """Events a second from the command to the last record."""
        return self.events / (self.tenths_s[simple.MARKS] - self.began_s)

    def cpu_us(self) -> float:
        """Microseconds of CPU an event, start and all."""
        return self.cpu_s / self.events * 1e6


class Contest:
    """Runs each over topics of a broker."""

    def __init__(self, room: Room, python: Path) -> None:
        self._room = room
        self._python = str(python)
        self._broker = Broker(room.bootstrap)

    def fill(self, name: str, events: int, users: int) -> Filled:
        """Make a topic of the simple workload."""
        self._room.say(f"writing {events:,} events of {users:,} users")
        topic, file = f"simple-{name}", self._room.folder / f"{name}.json"
        kafka.make_topic(self._broker, topic, simple.PARTITIONS)
        given = self._broker.bootstrap, topic, events, users, file
        words = self._words(self._module("filling"), *given)
        with started(words, self._room.folder / "filling.out") as filling:
            until(filling.ended, _WITHIN_S, "the topic")
        return Filled(topic, msgspec.json.decode(file.read_bytes(), type=Expected))

    def flockwise(self, filled: Filled) -> Timeline:
        """`flockwise run`, and the check of what it told."""
        name = f"contest-{filled.topic}"
        bootstrap = self._broker.bootstrap
        config: dict[str, Any] = {
            "name": name,
            "source": {"kafka": {"bootstrap": bootstrap, "topic": filled.topic}},
            "output": {"kafka": output(bootstrap, name)},
            "events": {"time_unit": "ms"},
            "features": FEATURES,
            "segments": SEGMENTS,
            "clusters": {"shoppers": {"k": 6, "features": list(FEATURES)}},
            "run": {"checkpoint": "1s", "state": f"state-{name}"},
        }
        plan = Plan(check(config, "the benchmark"), self._room.folder)
        kafka.make_topic(self._broker, plan.kafka.topics().assignments, 4, _STAMPED)
        make_topics(self._broker, plan.kafka.topics(), steered=True)
        path = write_config(self._room.folder, config)
        with started(flockwise("run", path), self._room.folder / f"{name}.out") as job:
            line = self._watched([job], plan.kafka.topics().assignments, filled)
            job.stop()
        recorded, expected = check_answers(plan), filled.expected
        if members(recorded, "Known") != expected.told.keys():
            raise BadAnswerError("users are missing among flockwise's results")
        if members(recorded, "Viewers") != set(expected.viewers):
            raise BadAnswerError("other users are viewers than should be")
        return line

    def quixstreams(self, filled: Filled) -> Timeline:
        """Two processes of one consumer group."""
        target = self._target("quix", filled)
        folder = self._room.folder
        words = [
            self._words(
                self._module("quix"),
                *(self._broker.bootstrap, filled.topic, target, folder / f"{target}-{process}"),
            )
            for process in range(2)
        ]
        return self._run(words, target, filled, {})

    def bytewax(self, filled: Filled) -> Timeline:
        """Two processes of one flow."""
        target = self._target("bytewax", filled)
        addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
        flow = f"{self._module('bytewax_flow')}:flow"
        words = [
            self._words("bytewax.run", flow, "-i", process, "-a", addresses) for process in range(2)
        ]
        environ = {
            "BENCH_BOOTSTRAP": self._broker.bootstrap,
            "BENCH_FROM": filled.topic,
            "BENCH_TO": target,
        }
        return self._run(words, target, filled, environ)

    def _run(
        self, words: list[list[str]], target: str, filled: Filled, environ: Mapping[str, str]
    ) -> Timeline:
        one, two = words
        said = self._room.folder / f"{target}.out"
        with started(one, said, environ) as first, started(two, said, environ) as second:
            line = self._watched([first, second], target, filled)
        self._check(target, filled.expected)
        return line

    def _watched(self, commands: list[Command], target: str, filled: Filled) -> Timeline:
        """Read what is told until the last marker has come."""
        wanted = {
            simple.marker(tenth, partition).encode(): tenth
            for tenth in range(1, simple.MARKS + 1)
            for partition in range(simple.PARTITIONS)
        }
        tenths_s: dict[int, float] = {}
        cpu_s = dict.fromkeys(commands, 0.0)  # of one that has ended there is no more to be seen
        first_s, deadline_s = 0.0, time.monotonic() + _WITHIN_S
        with kafka.consumer(self._broker) as reader:
            reader.subscribe([target])
            while wanted:
                if time.monotonic() > deadline_s:
                    raise BadAnswerError(f"the last record did not come within {_WITHIN_S} s")
                polled = [each for part in reader.poll(_MS).values() for each in part]
                for record in polled:
                    at_s = record.timestamp / _MS
                    first_s = min(first_s or at_s, at_s)
                    if (tenth := wanted.pop(record.key, None)) is not None:
                        tenths_s[tenth] = max(tenths_s.get(tenth, 0.0), at_s)
                for command in commands:
                    cpu_s[command] = max(cpu_s[command], family_cpu_s(command.pid))
                    command.ended()
        began_s = min(command.began_s for command in commands)
        taken_s = sum(cpu_s.values())
        return Timeline(began_s, first_s, tenths_s, taken_s, filled.expected.events)

    def _check(self, target: str, expected: Expected) -> None:
        """Each user was told of as often as should be, and last with the right center."""
        told, last = Counter[str](), dict[str, int]()
        decode = msgspec.json.Decoder(simple.Told).decode
        until_s = time.monotonic() + _WITHIN_S
        with kafka.consumer(self._broker) as reader:
            reader.subscribe([target])
            while told.total() < sum(times for times, _ in expected.told.values()):
                polled = [each for part in reader.poll(5 * _MS).values() for each in part]
                if not polled or time.monotonic() > until_s:
                    break
                for record in polled:
                    one = decode(record.value)
                    told[one.user] += 1
                    last[one.user] = one.cluster
        if {user: (times, last[user]) for user, times in told.items()} != expected.told:
            raise BadAnswerError(f"{target} has other answers than it should have")

    def _target(self, name: str, filled: Filled) -> str:
        target = f"{name}-{filled.topic}"
        kafka.make_topic(self._broker, target, simple.PARTITIONS, _STAMPED)
        return target

    def _module(self, name: str) -> str:
        return f"tests.benchmarks.contenders.{name}"

    def _words(self, module: str, *words: object) -> list[str]:
        return [self._python, "-m", module, *map(str, words)]
