"""A history that is replayed through Kafka into jobs on a cluster, and what must come of it.

A user's own events are in one partition, so that they arrive in order and the oracle knows every
transition.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaProducer

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.runtime.rest import FlinkRest
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    dead_letter_decoder,
    transition_decoder,
)
from tests.flink.harness import config_of, row_of
from tests.flink.shoppers import shoppers
from tests.oracle import SECOND, Event, replay
from tests.patience import until
from tests.property.replay_cases import CHOSEN, SEGMENTS, micros, oracle_user
from tests.stack.following import Followed

RESOLUTION = 600 * SECOND
BAD_EVERY = 100
LAST = [f"last-{number}" for number in range(100)]  # users enough to have some in every lane
ECHO = "echo"
DAY = 86_400 * SECOND

Move = tuple[str, int, str, str]


@dataclass(frozen=True)
class History:
    """Events in order, what they come to, and the records that bring them."""

    seed: int
    users: int
    count: int

    @cached_property
    def events(self) -> list[Event]:
        """The events, long past: the job refuses what is in the future."""
        found = shoppers(self.seed, self.users, self.count, back_s=0)
        return [replace(event, time=event.time - 1_000 * DAY) for event in found]

    @cached_property
    def end(self) -> int:
        """A moment of evaluation after the last event."""
        return (self.events[-1].time // RESOLUTION + 1) * RESOLUTION

    @cached_property
    def moves(self) -> list[Move]:
        """Every transition, by the oracle."""
        own: dict[str, list[Event]] = {}
        for event in self.events:
            own.setdefault(event.user, []).append(event)
        return sorted(
            (user, *move)
            for user, events in own.items()
            for move in replay(oracle_user(by_id=True), events, SEGMENTS, RESOLUTION, self.end)
        )

    @property
    def segments(self) -> dict[str, set[str]]:
        """Who is in what at the end: of those who ever were in anything."""
        found: dict[str, set[str]] = {}
        for user, _, segment, kind in sorted(self.moves, key=lambda move: move[1]):
            now = found.setdefault(user, set())
            (now.add if kind == "enter" else now.discard)(segment)
        return found

    @cached_property
    def records(self) -> list[tuple[str, bytes]]:
        """Keys and values: the events, every so often a bad one, and what ends it.

        Time goes on for a user as their own events say: each has one at the end, and so have
        users of every lane whom nobody asks about.
        """
        found = []
        for number, event in enumerate(self.events):
            found.append((event.user, json.dumps(row_of(event)).encode()))
            if number % BAD_EVERY == 0:
                found.append((event.user, f"broken {number}".encode()))
        for user in [*sorted({event.user for event in self.events}), *LAST]:
            last = Event(user, self.end, "search", "s1", {})
            found.append((user, json.dumps(row_of(last)).encode()))
        return found

    @property
    def bad(self) -> list[str]:
        """The values that are no events."""
        return sorted(v.decode() for _, v in self.records if v.startswith(b"broken"))


class Replay:
    """A history on its way through a cluster; `echoes` counts the bad records beside it."""

    def __init__(self, history: History, name: str, bootstrap: str, folder: Path) -> None:
        self.history = history
        self.name = name
        self.bootstrap = bootstrap
        self.echoes = 0
        self.broker = Broker(bootstrap)
        self.path = folder / f"{name}.yaml"
        self._topics = {
            part: f"{name}-{part}" for part in ("assignments", "transitions", "dead_letters")
        }
        self._transitions = Followed(
            self.broker,
            self._topics["transitions"],
            lambda record: transition_decoder.decode(record.value),
        )
        self._assignments = Followed(
            self.broker,
            self._topics["assignments"],
            lambda record: record.value and assignment_decoder.decode(record.value),
        )
        self._letters = Followed(
            self.broker,
            self._topics["dead_letters"],
            lambda record: dead_letter_decoder.decode(record.value),
        )
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
        kafka.make_topic(self.broker, f"{name}-events", 4)

    def write_config(self, parallelism: int, **more: Any) -> None:
        """Write the configuration of the jobs."""
        run = {"clock": "event", "resolution": "10m", "lanes": 8, "checkpoint": "1s"}
        config = config_of(
            CHOSEN,
            SEGMENTS,
            name=self.name,
            source={"kafka": {"bootstrap": self.bootstrap, "topic": f"{self.name}-events"}},
            output={"kafka": {"bootstrap": self.bootstrap, **self._topics}},
            run=run | {"parallelism": parallelism, "state": f"{self.name}-state"},
            **more,
        )
        self.path.write_text(yaml.safe_dump(config))

    def send(self, records: Iterable[tuple[str, bytes]], wait: Callable[[], object] = int) -> None:
        """Send records; `wait` is called after each."""
        for key, value in records:
            self._producer.send(f"{self.name}-events", value=value, key=key.encode())
            wait()
        self._producer.flush()

    def transitions(self) -> list[Transition]:
        """What is committed."""
        return self._transitions.all()

    def moves(self) -> list[Move]:
        """The transitions that are committed, each as often as it stands there."""
        found = self.transitions()
        names = Counter((t.user, t.version, t.segment) for t in found)
        assert not [name for name, count in names.items() if count > 1]
        return sorted((t.user, micros(t.at), t.segment, t.kind) for t in found)

    def assignments(self) -> dict[str, Assignment]:
        """The newest of each user, whose versions must grow."""
        newest: dict[str, Assignment] = {}
        for found in filter(None, self._assignments.all()):
            assert found.user not in newest or newest[found.user].version < found.version
            newest[found.user] = found
        return {user: a for user, a in newest.items() if not user.startswith("last-")}

    def bad(self) -> list[str]:
        """What became dead letters."""
        return sorted(letter.raw or "" for letter in self._letters.all())

    def pass_checkpoint(self, name: str) -> None:
        """Wait until a record that is sent into every lane now has come out of it, committed."""
        echoes = {f"{ECHO} {name} {user}" for user in LAST}
        self.send((user, f"{ECHO} {name} {user}".encode()) for user in LAST)
        self.echoes += len(echoes)
        until(lambda: echoes <= set(self.bad()), f"all lanes to pass checkpoint {name}")

    def check(self) -> None:
        """Wait for the last transition, and hold all that is committed against the oracle."""
        expected = self.history.moves
        until(lambda: len(self.moves()) >= len(expected), "the last transition")
        for name in ("1", "2"):  # sinks commit each for itself: by the second all have the first
            self.pass_checkpoint(name)
        assert self.moves() == expected
        assert {user: set(a.segments) for user, a in self.assignments().items() if a.segments} == {
            user: segments for user, segments in self.history.segments.items() if segments
        }
        assert [raw for raw in self.bad() if not raw.startswith(ECHO)] == self.history.bad


def get(rest: FlinkRest, path: str) -> Any:
    """What Flink's REST interface answers."""
    with urllib.request.urlopen(f"http://{rest.host}:{rest.port}{path}") as answer:
        return json.load(answer)


def submit(
    config: Path, address: str, *options: str, environ: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """`flockwise submit`."""
    command = [sys.executable, "-m", "flink_job", "submit", str(config), "--address", address]
    return subprocess.run(
        [*command, *options], env=dict(environ), capture_output=True, text=True, check=False
    )
