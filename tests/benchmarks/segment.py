"""How fast is the job? The bare Kafka scan with micro-batches, and the whole `segment` job.

Both read the same topic in the same run, so that their ratio holds on a noisy machine. Each is
run over a topic with a quarter of the events, too: the difference is the time that events take,
without the start of Flink and most of what Java compiles. So is the CPU that Flink's JVM takes for
an event, Python and all, and the part of it that goes to learning clusters. The events are those
of the demo's shop, so that users come in sessions and are alike in groups. The live job runs with
many segments, too: most of them say by spending, visits and device where a user belongs. `make
bench` prints the table, and one JSON object as the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer
from pyflink.java_gateway import get_gateway
from rich.console import Console
from rich.table import Table

from flink_job import stack
from flink_job.config.load import check
from flink_job.connectors.sources import micro_batch_table
from flink_job.demo.events import records
from flink_job.demo.population import Population
from flink_job.demo.simulation import simulate
from flink_job.job import define_segment_job
from flink_job.jobs import parts
from flink_job.jobs.ledger import account, ledger_sink, totals
from flink_job.jobs.segment import COUNTERS
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics, make_topics
from flink_job.plan import Plan
from flink_job.runtime.environment import Environment, Flink, prepare_process, spread_lanes
from flink_job.runtime.running import JobProgress, Watch, free_port, run
from flink_job.stack.jars import ensure_jars
from operators.base.durations import US_PER_UNIT

console = Console(stderr=True)

QUARTER: Final = 4
_LEARNING: Final = "learning_cpu_us"
DAYS: Final = 5  # of one simulation, in which a shopper has some hundred events
EVENTS_EACH: Final = 100

FEATURES: Final = {
    "product_views": {"count": "view", "window": "session"},
    "session_minutes": {"duration": "session"},
    "views_1h": {"count": "view", "window": "1h"},
    "carts_1h": {"count": "cart", "window": "1h"},
    "events_24h": {"count": "any", "window": "24h"},
    "spend_30d": {"sum": "price", "of": "purchase", "window": "30d"},
    "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    "categories_7d": {"distinct": "category", "window": "7d"},
    "visits_30d": {"sessions": "30d"},
    "since_purchase": {"since": "purchase"},
    "last_price": {"last": "price", "type": "number"},
    "device": {"last": "device", "one_hot": ["mobile", "desktop", "tablet"]},
}
SEGMENTS: Final = {
    "Engaged Buyers": {"when": "session_minutes > 5 AND product_views > 3"},
    "High-Intent Buyers": {
        "when": "product_views >= 3 AND carts_1h >= 1",
        "leave_when": "carts_1h = 0",
        "min_dwell": "5m",
    },
    "Big Spenders": {"when": "spend_30d > 1500"},
    "Recent Buyers": {"when": "since_purchase < 30"},
    "Browsers": {"when": "events_24h > 30 AND spend = 0"},
    "Mobile Explorers": {"when": "device = 'mobile' AND categories_7d > 4"},
}
SPENT: Final = (0, 1, 50, 100, 200, 500, 1_000, 2_000, 10**9)
VISITS: Final = (0, 2, 4, 6, 8, 12, 16, 24, 10**9)
MANY: Final = (
    SEGMENTS
    | {
        f"{device}, spent {spent}, {visits} visits": {
            "when": f"device = '{device}' AND spend >= {spent} AND spend < {below} "
            f"AND visits_30d BETWEEN {visits} AND {most - 1}"
        }
        for device in ("mobile", "desktop", "tablet")
        for spent, below in pairwise(SPENT)
        for visits, most in pairwise(VISITS)
    }
    | {f"On {device}": {"when": f"device = '{device}'"} for device in ("mobile", "desktop")}
)
CLUSTERS: Final = {
    "shoppers": {
        "k": 5,
        "features": ["views_1h", "carts_1h", "spend_30d", "categories_7d", "since_purchase"],
    }
}


@dataclass(frozen=True)
class Bench:
    """What is measured on: a broker, and topics whose events end at a moment."""

    broker: Broker
    folder: Path
    jars: Sequence[Path]
    end_us: int

    def plan(
        self,
        topic: str,
        clock: str,
        backend: str = "heap",
        segments: Mapping[str, Any] = SEGMENTS,
    ) -> Plan:
        """The job over a topic."""
        wall, bootstrap = clock == "wall", self.broker.bootstrap
        run_spec = {"clock": clock, "backend": backend, "state": f"state-{time.time_ns()}"}
        config = {
            "name": f"bench-{topic}",
            "source": {"kafka": {"bootstrap": bootstrap, "topic": topic, "bounded": not wall}},
            "output": {"kafka": {"bootstrap": bootstrap, "models": Topics().models}},
            "events": {"session": "session_id"},
            "features": FEATURES,
            "segments": dict(segments),
            "clusters": CLUSTERS,
            "run": run_spec if wall else run_spec | {"as_of": iso_seconds(self.end_us)},
        }
        return Plan(check(config, "the benchmark"), self.folder)


@dataclass(frozen=True)
class Spent:
    """What a job took: by the clock, of the CPU, and how much of that learning had."""

    seconds: float
    cpu_s: float
    learning_s: float = 0.0

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds - other.seconds,
            self.cpu_s - other.cpu_s,
            self.learning_s - other.learning_s,
        )


Job = Callable[[Bench, str, int], Spent]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--backend", choices=["heap", "rocksdb"], default="heap")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jars = sorted(ensure_jars(["flink"])["flink"].glob("*.jar"))
        servers = stack.up(folder / "stack", parts=("kafka",))
        try:
            end_us = time.time_ns() // 1_000_000_000 * 1_000_000
            bench = Bench(Broker(str(servers.bootstrap)), folder, jars, end_us)
            _measure(bench, options)
        finally:
            stack.down(folder / "stack")


def _measure(bench: Bench, options: argparse.Namespace) -> None:
    prepare_process(bench.folder / "logs")
    sizes = {"few": options.events // QUARTER, "many": options.events}
    for topic, events in sizes.items():
        console.print(f"writing {events:,} events of {options.users:,} users")
        _write(bench, topic, events, options.users)
    make_topics(bench.broker, Topics(), steered=True)
    jobs: dict[str, Job] = {
        "bare Kafka scan + micro-batch": _bare,
        "segment job, wall clock": _segment("wall", options.backend),
        f"the same with {len(MANY)} segments": _segment("wall", options.backend, MANY),
        "segment job, event clock": _segment("event", options.backend),
    }
    spent: dict[str, list[Spent]] = {name: [] for name in jobs}
    events = sizes["many"] - sizes["few"]
    for job in jobs.values():  # the first of each has Java compile more, and is not counted
        job(bench, "few", sizes["few"])
    for _ in range(options.repeat):
        for name, job in jobs.items():
            few, many = (job(bench, topic, size) for topic, size in sizes.items())
            spent[name].append(many - few)
            console.print(f"{name}: {events / (many - few).seconds:,.0f} events/s", few, many)
    _print(spent, events)


def _print(spent: Mapping[str, Sequence[Spent]], events: int) -> None:
    table = Table(title="medians (lowest, highest), and rate in ratio to the bare scan")
    for column in ("job", "events/s", "ratio", "CPU us an event"):
        table.add_column(column)
    rates = {name: sorted(events / each.seconds for each in own) for name, own in spent.items()}
    cpu_us = {
        name: sorted(each.cpu_s / events * 1e6 for each in own) for name, own in spent.items()
    }
    bare, wall, many, event = map(statistics.median, rates.values())
    for name, found in rates.items():
        ratio = statistics.median(found) / bare
        table.add_row(name, _spread(found, 0), f"{ratio:.2f}", _spread(cpu_us[name], 1))
    Console().print(table)
    _, few_us, many_us, _ = map(statistics.median, cpu_us.values())
    live = list(spent.values())[1]
    figures = {
        "bare": bare,
        "wall_ratio": wall / bare,
        "event_ratio": event / bare,
        "many_segments": many / wall,
        "many_segments_cpu": many_us / few_us,
        "learn_share": statistics.median(each.learning_s / each.cpu_s for each in live),
    }
    print(json.dumps(figures))


def _spread(found: Sequence[float], digits: int) -> str:
    least, most = f"{found[0]:,.{digits}f}", f"{found[-1]:,.{digits}f}"
    return f"{statistics.median(found):,.{digits}f} ({least}, {most})"


def _write(bench: Bench, topic: str, events: int, users: int) -> None:
    kafka.make_topic(bench.broker, topic, 4)
    producer = KafkaProducer(
        bootstrap_servers=bench.broker.bootstrap, linger_ms=50, batch_size=512 * 1024
    )
    written = 0
    for key, value in islice(shop(bench.end_us, events, users), events):
        producer.send(topic, value=value, key=key)
        written += 1
    producer.flush()
    producer.close()
    assert written == events, "take more days"


def shop(end_us: int, events: int, users: int) -> Iterator[tuple[bytes, bytes]]:
    """Simulations of the same shoppers, one after the other, the last of which ends at a moment."""
    for later in reversed(range(-(-events // (users * EVENTS_EACH)))):
        over_us = end_us - later * DAYS * US_PER_UNIT["d"]
        yield from records(simulate(Population(users, DAYS, over_us), seed=later))


def _bare(bench: Bench, topic: str, events: int) -> Spent:
    """What Flink takes to read a topic in micro-batches of lanes, and do no more."""
    plan = bench.plan(topic, clock="event")
    environment = Environment.create(_flink(bench, plan, 1_000))
    tables = environment.tables
    batches = micro_batch_table(environment, parts.source(plan), lanes=plan.config.run.lanes)
    tables.create_temporary_view("batches", batches)
    tables.execute_sql(
        "CREATE TEMPORARY TABLE nowhere (lane INT, ks ARRAY<BYTES>, vs ARRAY<BYTES>, at_ms BIGINT) "
        "WITH ('connector' = 'blackhole')"
    )
    began = _now()
    tables.execute_sql("INSERT INTO nowhere SELECT * FROM batches").wait()
    return _now() - began


def _segment(clock: str, backend: str, segments: Mapping[str, Any] = SEGMENTS) -> Job:
    """The whole job; a live one is done when it has counted every event."""

    def spent(bench: Bench, topic: str, events: int) -> Spent:
        plan = bench.plan(topic, clock, backend, segments)
        as_of_us = None if clock == "wall" else bench.end_us
        settings = parts.settings(plan, as_of_us, plan.segments())
        source, sink = parts.source(plan), parts.sink(plan, None)
        lanes = spread_lanes(plan.config.run.lanes)
        ledger = None if clock == "wall" else ledger_sink(plan.folder.path)
        flink = _flink(bench, plan, 250 if clock == "wall" else 1_000)
        stop, done = threading.Event(), None

        def progress(told: JobProgress) -> None:
            nonlocal done
            if clock == "wall" and told.counters["records"] >= events and not stop.is_set():
                done = _now(told.counters[_LEARNING])
                stop.set()

        began = _now()
        run(
            plan.config.name,
            flink,
            lambda env: define_segment_job(env, settings, lanes, source, sink, ledger=ledger),
            plan.folder.savepoints,
            Watch((*COUNTERS, _LEARNING), progress, _fail, stop),
        )
        if ledger:
            account(totals(plan.folder.path), events)
        return (done or _now()) - began

    return spent


def _now(learning_us: int = 0) -> Spent:
    """What the clock and the JVM's count of its CPU show."""
    process = get_gateway().jvm.java.lang.ProcessHandle.current()
    cpu_s = process.info().totalCpuDuration().get().toMillis() / 1e3
    return Spent(time.monotonic(), cpu_s, learning_us / 1e6)


def _fail(reason: str) -> None:
    raise SystemExit(f"the job failed: {reason}")


def _flink(bench: Bench, plan: Plan, checkpoint_ms: int) -> Flink:
    return Flink(
        checkpoints=plan.folder.checkpoints.as_uri(),
        checkpoint_ms=checkpoint_ms,
        rest_port=free_port(),
        jars=bench.jars,
        restarts=0,
        more={"metrics.fetcher.update-interval": "100"},
    )


def iso_seconds(moment_us: int) -> str:
    """A whole second as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment_us // 1_000_000))


if __name__ == "__main__":
    main()
