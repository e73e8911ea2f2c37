"""A live run: memberships begin with an event and end with time; stop, resume, and be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka import KafkaProducer

from flink_job import kafka as kafka_
from flink_job.config.load import load
from flink_job.kafka import Broker, read_to_end
from flink_job.plan import Plan
from operators.records import (
    DeadLetter,
    Transition,
    dead_letter_decoder,
    transition_decoder,
)

pytestmark = [pytest.mark.stack, pytest.mark.flink]

PATIENCE_S = 120


def config(bootstrap: str, name: str) -> dict[str, Any]:
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
        "store": {"kind": "sqlite", "path": "store.db"},
        "events": {"time_unit": "ms", "session_gap": "4s", "max_skew": "1m"},
        "features": {
            "views": {"count": "view", "window": "lifetime"},
            "views_5s": {"count": "view", "window": "5s", "tile": "1s"},
            "views_session": {"count": "view", "window": "session"},
            "since_view": {"since": "view", "unit": "seconds"},
        },
        "segments": {
            "Ever": {"when": "views >= 3"},
            "Three": {"when": "views = 3"},
            "Four": {"when": "views = 4"},
            "Window": {"when": "views_5s >= 2"},
            "Session": {"when": "views_session >= 2"},
            "Age": {"when": "since_view < 3"},
            "Dwell": {"when": "views_5s >= 2", "min_dwell": "8s"},
        },
        "run": {"state": "state", "lanes": 4},
    }


class Shop:
    """A running job and what goes in and comes out."""

    def __init__(self, bootstrap: str, name: str, folder: Path) -> None:
        self.broker = Broker(bootstrap)
        self.name = name
        self.path = folder / f"{name}.yaml"
        self.path.write_text(yaml.safe_dump(config(bootstrap, name)))
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)
        kafka_.make_topic(self.broker, f"{name}-events", 2)
        outputs = config(bootstrap, name)["output"]["kafka"]
        kafka_.make_output_topics(
            self.broker, outputs["assignments"], outputs["transitions"], outputs["dead_letters"]
        )

    def view(self, user: str, ahead_s: float = 0.0) -> None:
        at_ms = int((time.time() + ahead_s) * 1_000)
        value = {"user_id": user, "event_time": at_ms, "event_type": "view"}
        self.send(user, json.dumps(value).encode())

    def send(self, key: str, value: bytes) -> None:
        self._producer.send(f"{self.name}-events", value=value, key=key.encode())
        self._producer.flush()

    def transitions(self) -> list[Transition]:
        records = read_to_end(self.broker, [f"{self.name}-transitions"])
        return [transition_decoder.decode(record.value) for record in records]

    def dead_letters(self) -> list[DeadLetter]:
        records = read_to_end(self.broker, [f"{self.name}-dead-letters"])
        return [dead_letter_decoder.decode(record.value) for record in records]

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "flink_job", "run", str(self.path), *options]
        with (self.path.parent / "said").open("a") as said:
            process = subprocess.Popen(command, stderr=said, start_new_session=True, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(condition: Callable[[], bool], process: subprocess.Popen[str], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, f"the job ended before {what}"
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.3)


def at_work(shop: Shop) -> bool:
    """Whether the job has judged anybody; by the wall clock it must see an event in time."""
    shop.view("warm-up")
    return bool(shop.transitions())


def kinds(transitions: list[Transition], segment: str) -> list[str]:
    return [t.kind for t in sorted(transitions, key=lambda t: t.version) if t.segment == segment]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_memberships_end_when_time_passes_and_a_stopped_run_goes_on(
    kafka: str, tmp_path: Path
) -> None:
    shop = Shop(kafka, "live", tmp_path)
    with shop.running() as process:
        until(lambda: at_work(shop), process, "the job to work")
        for _ in range(3):
            shop.view("ann")
        shop.view("eve", ahead_s=3_600)
        shop.send("eve", b"garbage")
        until(lambda: kinds_of(shop, "ann", "Dwell") == ["enter", "leave"], process, "ann to leave")
        assert {letter.reason for letter in shop.dead_letters()} == {"future", "not_json"}
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    assert "stopped; --resume goes on from here" in (tmp_path / "said").read_text()

    own = [t for t in shop.transitions() if t.user == "ann"]
    by_segment = {
        s: sorted((t for t in own if t.segment == s), key=lambda t: t.version)
        for s in ("Window", "Session", "Age", "Dwell", "Ever")
    }
    assert kinds(own, "Ever") == ["enter"]
    for segment, shortest_s in {"Window": 4, "Session": 4, "Age": 3, "Dwell": 8}.items():
        entered, left = by_segment[segment]
        assert (entered.kind, left.kind) == ("enter", "leave")
        assert seconds(left.at) - seconds(entered.at) > shortest_s - 2.5
    assert by_segment["Age"][1].why[0].startswith("since_view = ")
    dwell = by_segment["Dwell"]
    assert seconds(dwell[1].at) - seconds(dwell[0].at) >= 8

    shop.view("ann")
    shop.view("bob")
    with shop.running("--resume") as process:
        until(lambda: kinds_of(shop, "ann", "Four") == ["enter"], process, "the pause's event")
        for _ in range(2):
            shop.view("bob")
        until(lambda: kinds_of(shop, "bob", "Ever") == ["enter"], process, "bob's third view")
        until(lambda: stored(shop, "bob"), process, "the store to follow")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert len(shop.dead_letters()) == 2


def kinds_of(shop: Shop, user: str, segment: str) -> list[str]:
    return kinds([t for t in shop.transitions() if t.user == user], segment)


def stored(shop: Shop, user: str) -> bool:
    open_store = Plan(load(shop.path), shop.path.parent).store()
    assert open_store is not None
    with closing(open_store()) as store:
        found = store.lookup(user)
        return found is not None and "Ever" in found.segments


def test_a_killed_live_run_resumes_without_loss_or_repeat(kafka: str, tmp_path: Path) -> None:
    shop = Shop(kafka, "killed", tmp_path)
    users = [f"user-{n}" for n in range(20)]
    with shop.running() as process:
        until(lambda: at_work(shop), process, "the job to work")
        for user in users:
            shop.view(user)
        until(lambda: {t.user for t in shop.transitions()} > {*users}, process, "first views")
        for user in users:
            shop.view(user)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for user in users:
        shop.view(user)
    with shop.running("--resume") as process:
        until(lambda: {t.user for t in entered(shop, "Three")} >= {*users}, process, "third views")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    three = [(t.user, t.kind) for t in shop.transitions() if t.segment == "Three"]
    assert sorted(move for move in three if move[0] in users) == sorted((u, "enter") for u in users)
    assert entered(shop, "Four") == []
    assert len(told(shop)) == len(set(told(shop)))


def entered(shop: Shop, segment: str) -> list[Transition]:
    """Those who entered a segment, but for the one who only warmed up."""
    told = [t for t in shop.transitions() if t.segment == segment and t.kind == "enter"]
    return [t for t in told if t.user != "warm-up"]


def told(shop: Shop) -> list[tuple[str, int, str]]:
    """What names a transition for ever."""
    return [(t.user, t.version, t.segment) for t in shop.transitions()]
