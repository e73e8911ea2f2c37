"""Jobs in this process, on a mini-cluster, and what they take: the bare scan and the whole job.

A JVM of this process runs them all, one after the other, so that none pays for compiling what
the one before it has compiled.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flink_job.config.load import check
from flink_job.connectors.sources import micro_batch_table
from flink_job.job import define_segment_job
from flink_job.jobs import parts
from flink_job.jobs.ledger import account, ledger_sink, totals
from flink_job.jobs.segment import COUNTERS
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import make_topics
from flink_job.plan import Plan
from flink_job.runtime.environment import Environment, Flink, prepare_process, spread_lanes
from flink_job.runtime.running import JobProgress, Watch, free_port, run
from flink_job.stack import CassandraAccess
from flink_job.stack.jars import ensure_jars
from tests.benchmarks.room import BadAnswerError
from tests.benchmarks.spending import family_bytes, family_cpu_s
from tests.benchmarks.topics import Topic
from tests.benchmarks.verifying import check_answers
from tests.benchmarks.workloads.workload import SPENDERS, Workload

_PASSWORD: Final = "CASSANDRA_PASSWORD"
_COUNTED: Final = (*COUNTERS, "users_judged", "learning_cpu_us")
_CHECKPOINT_MS: Final = 1_000
_LIVE_CHECKPOINT_MS: Final = 250
_LOOK_EVERY_S: Final = 2.0


@dataclass(frozen=True)
class Spent:
    """What a job took: by the clock, of CPU in all its processes, and what it counted.

    `most_bytes` is the most memory that was seen.
    """

    seconds: float
    cpu_s: float
    counters: Mapping[str, int] = field(default_factory=dict)
    most_bytes: int = 0

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds - other.seconds,
            self.cpu_s - other.cpu_s,
            {name: count - other.counters.get(name, 0) for name, count in self.counters.items()},
            self.most_bytes,
        )


@dataclass(frozen=True)
class How:
    """How the job runs: by which clock, where its state is, and the `memory` of users' rows.

    `as_of` is the moment with which a run by the event clock ends. The members of the segments
    `checked` must be those that the topic's tally tells.
    """

    workload: Workload
    clock: str = "wall"
    backend: str = "heap"
    memory: str | None = None
    as_of: str | None = None
    checked: tuple[str, ...] = (SPENDERS,)


class Jobs:
    """Runs jobs over the topics of a broker; their own folders and topics have new names."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self._folder = folder
        self._bootstrap = bootstrap
        self._jars = sorted(ensure_jars(["flink"])["flink"].glob("*.jar"))
        self._number = 0
        prepare_process(folder / "logs", self._jars)

    def bare(self, topic: Topic, lanes_of: Workload) -> Spent:
        """What Flink takes to read a topic in micro-batches of lanes, and do no more."""
        how = How(lanes_of, "event", as_of="2100-01-01T00:00:00Z")
        plan = self._plan(topic, how)
        environment = Environment.create(self._flink(plan, _CHECKPOINT_MS, "heap"))
        tables = environment.tables
        batches = micro_batch_table(environment, parts.source(plan), lanes=plan.config.run.lanes)
        tables.create_temporary_view("batches", batches)
        tables.execute_sql(
            "CREATE TEMPORARY TABLE nowhere (lane INT, ks ARRAY<BYTES>, vs ARRAY<BYTES>, "
            "at_ms BIGINT) WITH ('connector' = 'blackhole')"
        )
        began = _now()
        tables.execute_sql("INSERT INTO nowhere SELECT * FROM batches").wait()
        return _now() - began

    def segment(self, topic: Topic, how: How) -> Spent:
        """The whole job, whose answers are checked; a live one is done when all is counted.

        Raises:
            BadAnswerError: records are missing, or results are not what they should be.
            JobError: the job failed.
        """
        plan = self._plan(topic, how)
        make_topics(Broker(self._bootstrap), plan.kafka.topics(), steered=plan.steered)
        watched, live = _Watched(topic.events, live=how.clock == "wall"), how.clock == "wall"
        settings = parts.settings(plan, plan.as_of_us(), plan.segments())
        source, sink = parts.source(plan), parts.sink(plan, None)
        lanes = spread_lanes(plan.config.run.lanes)
        ledger = None if live else ledger_sink(plan.folder.path)
        flink = self._flink(plan, _LIVE_CHECKPOINT_MS if live else _CHECKPOINT_MS, how.backend)
        began = _now()
        run(
            plan.config.name,
            flink,
            lambda env: define_segment_job(env, settings, lanes, source, sink, ledger=ledger),
            plan.folder.savepoints,
            watched.watch,
        )
        spent = (watched.done or _now(watched.counters, watched.most_bytes)) - began
        self._check(plan, topic, how, watched)
        return spent

    def _check(self, plan: Plan, topic: Topic, how: How, watched: _Watched) -> None:
        if how.clock == "event":
            account(totals(plan.folder.path), topic.events)
        if watched.counters.get("dead_letters"):
            raise BadAnswerError(f"{watched.counters['dead_letters']:,} events were refused")
        check_answers(plan, topic.tally, how.checked)

    def _plan(self, topic: Topic, how: How) -> Plan:
        self._number += 1
        name = f"bench-{os.getpid()}-{self._number}"
        live = how.clock == "wall"
        config: dict[str, Any] = {
            "name": name,
            "source": {
                "kafka": {
                    "bootstrap": self._bootstrap,
                    "topic": topic.name,
                    "bounded": not live,
                }
            },
            "output": {"kafka": output(self._bootstrap, name)},
            "events": {"session": "session_id"},
            "features": dict(how.workload.features),
            "segments": dict(how.workload.segments),
            "clusters": dict(how.workload.clusters),
            "run": {
                "clock": how.clock,
                "backend": how.backend,
                "state": f"state-{name}",
                "memory": how.memory,
            },
        }
        if how.workload.outcomes:
            config["outcomes"] = dict(how.workload.outcomes)
        if not live:
            config["run"]["as_of"] = how.as_of
        return Plan(check(config, "the benchmark"), self._folder)

    def _flink(self, plan: Plan, checkpoint_ms: int, backend: str) -> Flink:
        return Flink(
            checkpoints=plan.folder.checkpoints.as_uri(),
            checkpoint_ms=checkpoint_ms,
            backend=backend,
            rest_port=free_port(),
            jars=self._jars,
            restarts=0,
            more={"metrics.fetcher.update-interval": "100"},
        )


def output(bootstrap: str, name: str) -> dict[str, str]:
    """Topics of results that nobody else writes to."""
    parts_ = ("assignments", "transitions", "dead_letters")
    return {"bootstrap": bootstrap, **{part: f"{name}-{part}" for part in parts_}}


def store_of(access: CassandraAccess) -> dict[str, Any]:
    """A keyspace as a store; the password of all of them is in the environment from now on."""
    os.environ[_PASSWORD] = access.login().password
    return {
        "kind": "cassandra",
        "hosts": [access.host],
        "port": access.port,
        "user": access.user,
        "password": f"${{{_PASSWORD}}}",
        "keyspace": access.keyspace,
    }


class _Watched:
    """A job as it goes on; a live one is stopped once it has counted all events."""

    def __init__(self, events: int, *, live: bool) -> None:
        self.counters: Mapping[str, int] = {}
        self.most_bytes = 0
        self.done: Spent | None = None
        self._events = events
        self._live = live
        self._stop = threading.Event()
        self._looked_s = 0.0

    @property
    def watch(self) -> Watch:
        """What the job's run is to be told."""
        return Watch(_COUNTED, self._progress, _failed, self._stop)

    def _progress(self, told: JobProgress) -> None:
        self.counters = told.counters
        if told.seconds > self._looked_s + _LOOK_EVERY_S:  # it takes some milliseconds
            self._looked_s = told.seconds
            self.most_bytes = max(self.most_bytes, family_bytes(os.getpid()))
        counted = told.counters["records"] >= self._events
        if self._live and counted and not self._stop.is_set():
            self.done = _now(self.counters, self.most_bytes)
            self._stop.set()


def _now(counters: Mapping[str, int] | None = None, most_bytes: int = 0) -> Spent:
    return Spent(time.monotonic(), family_cpu_s(os.getpid()), counters or {}, most_bytes)


def _failed(reason: str) -> None:
    raise BadAnswerError(f"the job failed and was restarted: {reason}")
