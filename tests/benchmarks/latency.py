"""How long does it take from an event to what comes of it? Both jobs, live, with real servers.

Every event moves a user into a segment or out of it, and carries the time at which it was sent
into the features of the assignment. So each record that comes out tells its own age when it is
seen, by the one clock of this machine:

- the assignment, by a consumer that reads uncommitted;
- the transition, by one that reads committed;
- the row in Cassandra, of some users a second: the rows that are waited for are asked for every
  20 ms until they hold what the event brought, so some 10 ms are the asking's own.
  (The write time of a row would not do: it is the version, which is older than the row.)

Each looks in a process of its own. `make bench-latency` prints the table, and one JSON object
as the last line. Whatever else this machine does is in the figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from kafka import KafkaConsumer, KafkaProducer
from rich.console import Console
from rich.table import Table

from flink_job import stack
from flink_job.config.load import check
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics, make_topics
from flink_job.plan import Plan
from flink_job.stack import Stack
from flink_job.stores.base import Store
from flink_job.stores.cassandra_session import Node, close, connect
from operators.base.errors import StoreError
from operators.contracts.records import assignment_decoder, transition_decoder
from tests.benchmarks.workloads.standard import FEATURES

console = Console(stderr=True)

TOPICS: Final = {name: name.replace("_", "-") for name in ("assignments", "transitions")}
PASSWORD: Final = "CASSANDRA_PASSWORD"
# A user's next event comes when the last has long been answered: none is judged with another.
USERS_S: Final = 10
# To ask for more, or more often, would slow down what is measured.
ROWS_PER_S: Final = 20
ROWS_AT_ONCE: Final = 10
ASK_EVERY_S: Final = 0.02
TELL_EVERY_S: Final = 5
PATIENCE_S: Final = 180
QUIET_S: Final = 10.0  # nothing comes for so long: that was all
SHORTEST_WAIT_S: Final = 0.001
PERCENTILES: Final = (50, 90, 99)

PROCESSES: Final = multiprocessing.get_context("spawn")

Name = tuple[str, int]  # the user and version of a change


@dataclass(frozen=True)
class Seen:
    """When a change was seen, and when its event was sent, where the record says so; in us."""

    name: Name
    seen_us: int
    sent_us: int = 0


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000, help="changes a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument(
        "--warm-up", type=int, default=60, help="seconds before, while Java compiles"
    )
    parser.add_argument("--checkpoint", default="250ms", help="how often changes are committed")
    parser.add_argument("--batch", default="50ms", help="how long events are collected")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _servers(Path(name) / "stack") as servers:
        plan = _plan(servers, Path(name), options)
        with _job(plan), closing(Events(servers, options.rate)) as events:
            _wait_for_a_row(plan, events)
            _tell(options, _measure(servers, events, options))


@contextmanager
def _servers(folder: Path) -> Iterator[Stack]:
    console.print("starting Kafka and Cassandra")
    try:
        yield stack.up(folder)
    finally:
        stack.down(folder)


def _plan(servers: Stack, folder: Path, options: argparse.Namespace) -> Plan:
    """The configuration, in a file; its topics are made."""
    assert servers.cassandra is not None
    access, bootstrap = servers.cassandra, str(servers.bootstrap)
    os.environ[PASSWORD] = access.login().password
    config = {
        "name": "latency",
        "source": {"kafka": {"bootstrap": bootstrap, "topic": "events"}},
        "output": {"kafka": {"bootstrap": bootstrap}},
        "store": {
            "kind": "cassandra",
            "hosts": [access.host],
            "port": access.port,
            "user": access.user,
            "password": f"${{{PASSWORD}}}",
        },
        "events": {"time_unit": "us"},
        "features": {
            **FEATURES,
            "place": {"last": "place"},
            "sent_us": {"last": "sent_us", "type": "number"},
        },
        "segments": {"Inside": {"when": "place = 'inside'"}},
        "run": {"state": "state", "checkpoint": options.checkpoint, "batch": options.batch},
    }
    (folder / "latency.yaml").write_text(yaml.safe_dump(config))
    kafka.make_topic(Broker(bootstrap), "events", 4)
    make_topics(Broker(bootstrap), Topics(), steered=True)
    return Plan(check(config, "the benchmark"), folder)


@contextmanager
def _job(plan: Plan) -> Iterator[None]:
    """`flockwise run` in a process of its own, which is asked to stop at the end."""
    said = plan.base / "said"
    command = [sys.executable, "-m", "flink_job", "run", str(plan.base / "latency.yaml")]
    with said.open("wb") as output:
        job = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
        if job.poll() is not None:
            raise SystemExit(f"the run has ended: {said.read_text()}")
    finally:
        job.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            job.wait(PATIENCE_S)
        with suppress(ProcessLookupError):  # nothing is left of the process and its children
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()


class Events:
    """Sends events at a rate, each of which is a change."""

    def __init__(self, servers: Stack, rate: int) -> None:
        self.rate = rate
        self._producer = KafkaProducer(bootstrap_servers=str(servers.bootstrap))
        self._number = 0

    def send(self, seconds: int, tell: Callable[[str, int], None]) -> float:
        """Send so many seconds' events, and tell of each; gives the rate that was reached."""
        count, start_s = seconds * self.rate, time.monotonic()
        for number in range(count):
            ahead_s = start_s + number / self.rate - time.monotonic()
            if ahead_s > SHORTEST_WAIT_S:
                time.sleep(ahead_s)
            tell(*self._next())
            if number % (self.rate * TELL_EVERY_S) == 0:
                console.print(f"  {number:,} of {count:,} events sent")
        self._producer.flush()
        return count / (time.monotonic() - start_s)

    def one(self, user: str) -> int:
        """Send an event of a user who comes in; gives the moment."""
        return self._send(user, "inside")

    def close(self) -> None:
        """Let go of the connection."""
        self._producer.close()

    def _next(self) -> tuple[str, int]:
        round_, place = divmod(self._number, self.rate * USERS_S)
        self._number += 1
        user = f"user-{place}"
        return user, self._send(user, "outside" if round_ % 2 else "inside")

    def _send(self, user: str, place: str) -> int:
        sent_us = time.time_ns() // 1_000
        event = {
            "user_id": user,
            "event_time": sent_us,
            "event_type": "view",
            "category": f"category-{self._number % 50}",
            "price": self._number % 100,
            "device": "mobile",
            "place": place,
            "sent_us": sent_us,
        }
        self._producer.send("events", value=json.dumps(event).encode(), key=user.encode())
        return sent_us


def _wait_for_a_row(plan: Plan, events: Events) -> None:
    console.print("starting both jobs")
    open_store, deadline_s = plan.store(), time.monotonic() + PATIENCE_S
    assert open_store is not None
    with closing(open_store()) as store:
        while not _knows(store, "first"):
            if time.monotonic() > deadline_s:
                raise SystemExit(f"no row came: {(plan.base / 'said').read_text()}")
            events.one("first")
            time.sleep(0.5)


def _knows(store: Store, user: str) -> bool:
    with suppress(StoreError):
        return store.lookup(user) is not None
    return False


@dataclass
class Watcher:
    """Looks, in a process of its own, until it is told that all is sent, and then to the end.

    `look` is told where to look, what to look for, and where to put what it has seen.
    """

    look: Callable[..., None]
    where: tuple[Any, ...]
    asked: Any = field(default_factory=PROCESSES.Queue)
    found: Any = field(default_factory=PROCESSES.Queue)

    def start(self) -> None:
        """Begin to look."""
        process = PROCESSES.Process(
            target=self.look, args=(*self.where, self.asked, self.found), daemon=True
        )
        process.start()

    def seen(self) -> list[Seen]:
        """All that it has seen in the end."""
        self.asked.put(None)
        try:
            return list(self.found.get(timeout=PATIENCE_S))
        except queue.Empty:
            raise SystemExit(f"the last did not come within {PATIENCE_S} s") from None


def _measure(servers: Stack, events: Events, options: argparse.Namespace) -> Measured:
    access, bootstrap = servers.cassandra, servers.bootstrap
    assert access is not None
    node = Node((access.host,), access.port, access.login())
    decided = Watcher(_watch_topic, (bootstrap, "assignments", "read_uncommitted"))
    committed = Watcher(_watch_topic, (bootstrap, "transitions", "read_committed"))
    rows = Watcher(_watch_rows, (node, access.keyspace))
    for watcher in (decided, committed, rows):
        watcher.start()
    console.print(f"warming up for {options.warm_up} s")
    events.send(options.warm_up, lambda _user, _sent_us: None)
    start_us, sent = time.time_ns() // 1_000, 0

    def ask(user: str, sent_us: int) -> None:
        nonlocal sent
        if sent % max(events.rate // ROWS_PER_S, 1) == 0:
            rows.asked.put((user, sent_us))
        sent += 1

    console.print(f"measuring for {options.seconds} s")
    rate = events.send(options.seconds, ask)
    console.print("waiting for the last")
    seen = [watcher.seen() for watcher in (rows, decided, committed)]
    return Measured.of(*seen, start_us=start_us, sent=sent, rate=rate)


@dataclass(frozen=True)
class Measured:
    """The rate of events that was reached, and milliseconds by what they were taken for."""

    rate: float
    waits: Mapping[str, Sequence[float]]

    @classmethod
    def of(
        cls,
        rows: Sequence[Seen],
        decided: Sequence[Seen],
        committed: Sequence[Seen],
        *,
        start_us: int,
        sent: int,
        rate: float,
    ) -> Measured:
        """From what was seen of the events that were sent since a moment."""
        sent_us = {seen.name: seen.sent_us for seen in decided if seen.sent_us >= start_us}
        decided_us = {seen.name: seen.seen_us for seen in decided}
        commits_us = {seen.name: seen.seen_us for seen in committed if seen.name in sent_us}
        if not len(sent_us) == len(commits_us) == sent:
            raise SystemExit(
                f"of {sent} changes {len(sent_us)} were decided and {len(commits_us)} committed: "
                f"the job stood still for {USERS_S} s, so that users came and went unseen"
            )
        waits_us = {
            "uncommitted": [decided_us[name] - at_us for name, at_us in sent_us.items()],
            "committed": [commits_us[name] - at_us for name, at_us in sent_us.items()],
            "row": [seen.seen_us - seen.sent_us for seen in rows],
            "commit": [at_us - decided_us[name] for name, at_us in commits_us.items()],
            "store": [seen.seen_us - commits_us[seen.name] for seen in rows],
        }
        return cls(rate, {name: [us / 1_000 for us in waits_us[name]] for name in waits_us})


TITLES: Final = {
    "uncommitted": "event to assignment, uncommitted",
    "committed": "event to transition, committed",
    "row": "event to row in Cassandra",
    "commit": "of these: from uncommitted to committed",
    "store": "of these: from committed to the row",
}


def _tell(options: argparse.Namespace, measured: Measured) -> None:
    title = (
        f"milliseconds, {measured.rate:,.0f} changes/s, checkpoints every {options.checkpoint}, "
        f"batches of {options.batch}"
    )
    table = Table(title=title)
    for column in ("", *(f"p{percentile}" for percentile in PERCENTILES), "changes"):
        table.add_column(column, justify="right" if column else "left")
    figures: dict[str, Any] = {
        "rate": round(measured.rate),
        "checkpoint": options.checkpoint,
        "batch": options.batch,
    }
    for name, waits in measured.waits.items():
        found = [float(value) for value in np.percentile(waits, PERCENTILES)]
        table.add_row(TITLES[name], *(f"{value:,.0f}" for value in found), f"{len(waits):,}")
        figures[f"{name}_ms"] = {
            f"p{percentile}": round(value)
            for percentile, value in zip(PERCENTILES, found, strict=True)
        }
    Console().print(table)
    if _grows(measured.waits["row"]):
        console.print(
            "[yellow]![/] the longer it went on, the longer changes took: this machine can't keep "
            "up with the rate, and the figures only say for how long it could not"
        )
    print(json.dumps(figures))


def _grows(waits: Sequence[float]) -> bool:
    """Whether the last third took twice as long as the first."""
    third = len(waits) // 3
    return bool(np.median(waits[-third:]) > 2 * np.median(waits[:third]))


def _watch_topic(bootstrap: str, topic: str, isolation: str, asked: Any, found: Any) -> None:
    """Note when each record is seen; it is read afterwards."""
    reader = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        check_crcs=False,  # made byte by byte in Python, it would take longer than all else
    )
    records: list[tuple[int, bytes]] = []
    last_s = time.monotonic()
    with closing(reader):
        while asked.empty() or time.monotonic() - last_s < QUIET_S:
            for polled in reader.poll(timeout_ms=100).values():
                last_s, seen_us = time.monotonic(), time.time_ns() // 1_000
                records.extend((seen_us, record.value) for record in polled)
    read = _assignment if topic == "assignments" else _transition
    found.put([read(value, seen_us) for seen_us, value in records])


def _assignment(value: bytes, seen_us: int) -> Seen:
    change = assignment_decoder.decode(value)
    return Seen((change.user, change.version), seen_us, int(change.features["sent_us"] or 0))


def _transition(value: bytes, seen_us: int) -> Seen:
    change = transition_decoder.decode(value)
    return Seen((change.user, change.version), seen_us)


def _watch_rows(node: Node, keyspace: str, asked: Any, found: Any) -> None:
    """Ask for the rows of those whose events were told, until they hold what was sent."""
    session = connect(node, keyspace)
    query = session.prepare("SELECT record FROM assignments WHERE user IN ?")
    waiting: dict[str, int] = {}
    seen: list[Seen] = []
    more = True
    while more or waiting:
        time.sleep(ASK_EVERY_S)
        for told in _all(asked):
            if told is None:
                more = False
            elif len(waiting) < ROWS_AT_ONCE:
                waiting.setdefault(*told)
        rows = session.execute(query, (list(waiting),)) if waiting else ()
        for (record,) in rows:
            change = _assignment(record, time.time_ns() // 1_000)
            asked_us = waiting[change.name[0]]
            if change.sent_us >= asked_us:
                seen.append(replace(change, sent_us=asked_us))
                del waiting[change.name[0]]
    close(session)
    found.put(seen)


def _all(asked: Any) -> Iterator[tuple[str, int] | None]:
    """What has been told by now."""
    with suppress(queue.Empty):
        while True:
            yield asked.get_nowait()


if __name__ == "__main__":
    main()
