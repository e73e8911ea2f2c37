"""A shop whose users are in the segments of the place where they were seen last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaProducer

from flink_job.kafka_client import client as kafka_
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.reading import read_to_end
from flink_job.kafka_client.topics import Topics, make_topics
from flink_job.stack import CassandraAccess
from flink_job.stores.base import Store
from operators.base.errors import StoreError
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    transition_decoder,
)
from tests.stack.asking import command, environment
from tests.stack.live import until

# A segment is closed by the first record that is a second younger, and compacted soon after.
COMPACTED_AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "100",
}
SEGMENTS = {
    "Browsing": ("shelf",),
    "Paying": ("till",),
    "Buying": ("cart", "till"),
    "Inside": ("shelf", "cart", "till"),
}
Moves = Iterable[tuple[str, str]]
Members = dict[str, list[tuple[str, str, int]]]


@dataclass(frozen=True)
class View:
    """All that a store can say: by scan, by lookup, by segment, and what happened to users."""

    assignments: dict[str, Assignment]
    lookups: dict[str, Assignment | None]
    members: Members
    transitions: dict[str, list[Transition]]


def config(bootstrap: str, name: str, access: CassandraAccess | None) -> dict[str, Any]:
    """A shop whose users are in the segments of the place where they were seen last."""
    topics = {part: f"{name}-{part}" for part in ("assignments", "transitions", "dead_letters")}
    store = access and {
        "kind": "cassandra",
        "hosts": [access.host],
        "port": access.port,
        "user": access.user,
        "password": "${CASSANDRA_PASSWORD}",
        "timeout": "2s",
    }
    return {
        "name": name,
        "source": {"kafka": {"bootstrap": bootstrap, "topic": f"{name}-events"}},
        "output": {"kafka": {"bootstrap": bootstrap, **topics}},
        **({"store": store} if store else {}),
        "events": {"time_unit": "ms"},
        "features": {"place": {"last": "place"}},
        "segments": {
            segment: {"when": " OR ".join(f"place = '{place}'" for place in places)}
            for segment, places in SEGMENTS.items()
        },
        "run": {"state": "state", "lanes": 4},
    }


class Shop:
    """A live job, maybe with a store: what goes in, what it commits, and what must come of it."""

    def __init__(
        self, bootstrap: str, name: str, access: CassandraAccess | None, folder: Path
    ) -> None:
        self.broker = Broker(bootstrap)
        self.name = name
        self.folder = folder
        self.places: dict[str, str] = {}
        self._path = folder / f"{name}.yaml"
        self._path.write_text(yaml.safe_dump(config(bootstrap, name, access)))
        self._environ = environment()
        if access:
            self._environ["CASSANDRA_PASSWORD"] = access.login().password
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        kafka_.make_topic(self.broker, f"{name}-events", 2)
        kafka_.make_topic(self.broker, f"{name}-assignments", 2, COMPACTED_AT_ONCE)
        parts = ("assignments", "transitions", "dead_letters")
        topics = Topics(**{part: f"{name}-{part}" for part in parts})
        make_topics(self.broker, topics, steered=False)

    def move(self, moves: Moves) -> None:
        """See users at places."""
        for user, place in moves:
            event = {"user_id": user, "event_type": "seen", "place": place}
            event["event_time"] = int(time.time() * 1_000)
            value = json.dumps(event).encode()
            self._producer.send(f"{self.name}-events", value=value, key=user.encode())
            self.places[user] = place
        self._producer.flush()

    @contextmanager
    def process(self, command_: str, *options: str) -> Iterator[subprocess.Popen[str]]:
        """A command on the configuration, and the end of it and of all that it started."""
        words = command(command_, self._path, *options)
        with (self.folder / "said").open("a") as said:
            process = subprocess.Popen(
                words, env=self._environ, stderr=said, start_new_session=True, text=True
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pid in self.upserts():
                os.kill(pid, signal.SIGKILL)

    def upserts(self) -> list[int]:
        """The processes that bring the changelog into the store."""
        found = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,args="], check=True, stdout=subprocess.PIPE, text=True
        )
        words = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
        return [int(pid) for pid, told in words if f"upsert {self._path}" in told]

    def said(self) -> str:
        """What the commands have said, in one line."""
        return " ".join((self.folder / "said").read_text().split())

    def assignments(self) -> list[Assignment]:
        """What is left of the changelog."""
        records = read_to_end(self.broker, [f"{self.name}-assignments"])
        return [assignment_decoder.decode(record.value) for record in records]

    def transitions(self) -> list[Transition]:
        """All transitions that were committed."""
        records = read_to_end(self.broker, [f"{self.name}-transitions"])
        return [transition_decoder.decode(record.value) for record in records]

    def has_decided(self) -> bool:
        """Whether all that was seen is judged and committed, by transitions and changelog."""
        moved: dict[str, set[str]] = defaultdict(set)
        for told in sorted(self.transitions(), key=lambda t: t.version):
            assert (told.kind == "enter") == (told.segment not in moved[told.user])
            moved[told.user] ^= {told.segment}
        newest = newest_of(self.assignments())
        assigned = {user: set(newest[user].segments) for user in newest}
        expected = {user: segments_at(place) for user, place in self.places.items()}
        return inside(moved) == inside(assigned) == inside(expected)

    def view(self) -> View:
        """What a store must hold: each user's newest assignment, and every transition."""
        newest = newest_of(self.assignments())
        transitions: dict[str, list[Transition]] = {user: [] for user in self.places}
        for told in self.transitions():
            transitions[told.user].append(told)
        return View(
            assignments=newest,
            lookups={user: newest.get(user) for user in self.places},
            members={
                segment: sorted(
                    (user, now.since[segment], now.version)
                    for user, now in newest.items()
                    if segment in now.segments
                )
                for segment in SEGMENTS
            },
            transitions={user: by_name(told) for user, told in transitions.items()},
        )


def segments_at(place: str) -> set[str]:
    return {segment for segment, places in SEGMENTS.items() if place in places}


def inside(segments: dict[str, set[str]]) -> dict[str, set[str]]:
    """Those who are in any segment."""
    return {user: found for user, found in segments.items() if found}


def newest_of(assignments: Iterable[Assignment]) -> dict[str, Assignment]:
    """Each user's newest assignment: the last in their partition, with the highest version."""
    newest: dict[str, Assignment] = {}
    for now in assignments:
        assert now.user not in newest or newest[now.user].version < now.version
        newest[now.user] = now
    return newest


def by_name(transitions: Iterable[Transition]) -> list[Transition]:
    return sorted(transitions, key=lambda told: (told.version, told.segment))


def view_of(store: Store, users: Iterable[str]) -> View:
    """What a store says."""
    return View(
        assignments={now.user: now for now in store.assignments()},
        lookups={user: store.lookup(user) for user in users},
        members={
            segment: sorted((one.user, one.since or "", one.version) for one in found)
            for segment, found in ((segment, store.members(segment)) for segment in SEGMENTS)
        },
        transitions={user: by_name(store.transitions(user, 1_000)) for user in users},
    )


def converges(store: Store, shop: Shop, process: subprocess.Popen[str]) -> None:
    """Wait until the store equals the changelog; if it never does, show how it differs."""
    users, expected = list(shop.places), shop.view()

    def equal() -> bool:
        with suppress(StoreError):
            return view_of(store, users) == expected
        return False

    with suppress(AssertionError):
        until(equal, process, "the store to converge")
    assert view_of(store, users) == expected
