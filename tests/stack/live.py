"""A job that runs live over the real Kafka, for tests that look at it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml
from kafka import KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord

from flink_job.jobs.segment import Start
from flink_job.kafka_client import client as kafka_
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics, make_topics
from operators.contracts.records import (
    Assignment,
    DeadLetter,
    Transition,
    assignment_decoder,
    dead_letter_decoder,
    transition_decoder,
)
from tests import patience
from tests.flink.harness import AFRESH
from tests.patience import PATIENCE_S, Process
from tests.stack.at_home import LiveJob, at_home
from tests.stack.following import Followed

SQLITE: Final = {"kind": "sqlite", "path": "store.db"}  # for those who ask what is stored
# Half as often as usual: what a checkpoint and its transactions take is missing elsewhere.
RUN: Final = {"state": "state", "lanes": 4, "checkpoint": "1s"}
PARTS: Final = ("assignments", "transitions", "dead_letters", "control", "status", "models")


def places(bootstrap: str, name: str) -> dict[str, Any]:
    """Where a configuration of this name reads and writes."""
    return {
        "name": name,
        "source": {"kafka": {"bootstrap": bootstrap, "topic": f"{name}-events"}},
        "output": {
            "kafka": {
                "bootstrap": bootstrap,
                "assignments": f"{name}-assignments",
                "transitions": f"{name}-transitions",
                "dead_letters": f"{name}-dead-letters",
            }
        },
        "run": RUN,
    }


class LiveShop:
    """A job that is run live over Kafka, and what goes in and comes out.

    `more` stands in its configuration beside, or instead of, where it reads and writes.
    """

    def __init__(self, bootstrap: str, name: str, folder: Path, more: Mapping[str, Any]) -> None:
        self.broker = Broker(bootstrap)
        self.name = name
        folder.mkdir(exist_ok=True)
        self.path = folder / f"{name}.yaml"
        self.topics = Topics(**{part: f"{name}-{part.replace('_', '-')}" for part in PARTS})
        self._config = {**places(bootstrap, name), **more}
        self.configure()
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)
        kafka_.make_topic(self.broker, f"{name}-events", 2)
        make_topics(self.broker, self.topics, steered=True)
        self._transitions = Followed(
            self.broker,
            self.topics.transitions,
            lambda record: transition_decoder.decode(record.value),
        )
        self._words = Followed(self.broker, self.topics.assignments, _word)
        self._dead_letters = Followed(
            self.broker,
            self.topics.dead_letters,
            lambda record: dead_letter_decoder.decode(record.value),
        )

    def configure(self, **changes: Any) -> None:
        """Write the configuration, with these parts changed from now on."""
        self._config |= changes
        self.path.write_text(yaml.safe_dump(self._config))

    def view(self, user: str, ahead_s: float = 0.0, **properties: str) -> None:
        """See a user view something."""
        at_ms = int((time.time() + ahead_s) * 1_000)
        value = {"user_id": user, "event_time": at_ms, "event_type": "view", **properties}
        self.send(user, json.dumps(value).encode())

    def send(self, key: str, value: bytes) -> None:
        self._producer.send(f"{self.name}-events", value=value, key=key.encode())
        self._producer.flush()

    def transitions(self) -> list[Transition]:
        return self._transitions.all()

    def words(self) -> list[tuple[str, Assignment | None]]:
        """All that the changelog has ever held of users, None for a tombstone."""
        return self._words.all()

    def assignments(self) -> list[Assignment]:
        """The same but for tombstones."""
        return [found for _, found in self.words() if found is not None]

    def dead_letters(self) -> list[DeadLetter]:
        return self._dead_letters.all()

    def at_home(self, start: Start = AFRESH) -> AbstractContextManager[LiveJob]:
        """The job in this process, where no process of its own is what is tested."""
        return at_home(self.path, start)

    def running(self, *options: str) -> AbstractContextManager[subprocess.Popen[str]]:
        """`flockwise run`, with `upsert` beside it if there is a store."""
        return self._process("run", str(self.path), *options)

    def upserting(self) -> AbstractContextManager[subprocess.Popen[str]]:
        """`flockwise upsert` by itself, for jobs that run in this process."""
        return self._process("upsert", str(self.path))

    @contextmanager
    def _process(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "flink_job", *words]
        with (self.path.parent / "said").open("a") as said:
            process = subprocess.Popen(command, stderr=said, start_new_session=True, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _word(record: ConsumerRecord) -> tuple[str, Assignment | None]:
    found = None if record.value is None else assignment_decoder.decode(record.value)
    return record.key.decode(), found


def until(condition: Callable[[], bool], process: Process, what: str) -> None:
    """Wait until something is so, which a job brings about."""
    patience.until(condition, what, process)


def stopped(process: subprocess.Popen[str]) -> None:
    """Stop it as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0


def at_work(shop: LiveShop) -> bool:
    """Whether the job has judged anybody; by the wall clock it must see an event in time."""
    shop.view("warm-up")
    return bool(shop.transitions())


def kinds(transitions: list[Transition], segment: str) -> list[str]:
    return [t.kind for t in sorted(transitions, key=lambda t: t.version) if t.segment == segment]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def kinds_of(shop: LiveShop, user: str, segment: str) -> list[str]:
    return kinds([t for t in shop.transitions() if t.user == user], segment)
