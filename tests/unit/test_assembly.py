"""How each kind of job runs, here and on a cluster, by what its configuration says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from flink_job.config.load import check
from flink_job.connectors.sinks import FolderSink, KafkaSink
from flink_job.connectors.sources import KafkaEvents, StagedEvents
from flink_job.jobs import parts
from flink_job.jobs.assembly import RECIPES, Job, upsert_folder, upsert_job
from flink_job.jobs.tuning import segment_tuning
from flink_job.plan import Plan
from operators.base.errors import UsageError

KAFKA: Final = {"bootstrap": "localhost:9092"}
LIVE: Final = {"source": {"kafka": KAFKA | {"topic": "events"}}, "output": {"kafka": KAFKA}}
FILES: Final = {"source": {"files": {"paths": ["e.csv"]}}, "output": {"folder": "out"}}
STORE: Final = {"store": {"kind": "cassandra", "hosts": ["localhost"]}}
ADDRESS: Final = ("localhost", 8081)

INTERVAL: Final = "execution.checkpointing.interval"
BACKEND: Final = "state.backend.type"
RESTARTS: Final = "restart-strategy.type"
BACKING_OFF: Final = "restart-strategy.exponential-delay.attempts-before-reset-backoff"


def plan(data: dict[str, Any], **run: Any) -> Plan:
    features = {"views": {"count": "view", "window": "1h"}}
    return Plan(check({**data, "features": features, "run": run}, "the test"), Path("/shop"))


def segment(chosen: Plan) -> Job:
    """The job but for what it is made of, which would ask Kafka."""
    slots = RECIPES["segment"].slots(chosen)
    return Job(chosen, "segment", segment_tuning(chosen.config), slots, lambda _: None)


def here(job: Job) -> dict[str, str]:
    return job.here(upsert_folder(job.plan), (), None).settings()


def on_a_cluster(job: Job, savepoint: str | None = None) -> dict[str, str]:
    return job.on_a_cluster(ADDRESS, "file:/checkpoints", savepoint).settings()


@pytest.mark.parametrize(
    ("data", "run", "interval", "restarts"),
    [
        (LIVE, {}, "250 ms", "exponential-delay"),
        (LIVE, {"checkpoint": "5s"}, "5000 ms", "exponential-delay"),
        (FILES, {}, "1000 ms", "fixed-delay"),
        (FILES, {"checkpoint": "5s"}, "5000 ms", "fixed-delay"),
    ],
)
def test_a_run_that_ends_commits_less_often_and_is_restarted_less(
    data: dict[str, Any], run: dict[str, Any], interval: str, restarts: str
) -> None:
    settings = here(segment(plan(data, **run)))
    assert (settings[INTERVAL], settings[RESTARTS]) == (interval, restarts)


@pytest.mark.parametrize("checkpoint", ["50ms", "5s"])
def test_upsert_commits_each_second_and_never_gives_up(checkpoint: str) -> None:
    job = upsert_job(plan(LIVE | STORE, checkpoint=checkpoint, parallelism=3))
    for settings in (here(job), on_a_cluster(job)):
        assert settings[INTERVAL] == "1000 ms"
        assert settings[BACKING_OFF] == str(2**31 - 1)
        assert settings["parallelism.default"] == "1"


@pytest.mark.parametrize(
    ("run", "segment_here", "upsert_here", "cluster"),
    [
        ({}, "hashmap", "hashmap", "rocksdb"),
        ({"backend": "heap"}, "hashmap", "hashmap", "hashmap"),
        ({"backend": "rocksdb"}, "rocksdb", "hashmap", "rocksdb"),
    ],
)
def test_state_is_on_the_heap_here_and_in_rocksdb_on_a_cluster_unless_said_otherwise(
    run: dict[str, Any], segment_here: str, upsert_here: str, cluster: str
) -> None:
    chosen = plan(LIVE | STORE, **run)
    assert here(segment(chosen))[BACKEND] == segment_here
    assert here(upsert_job(chosen))[BACKEND] == upsert_here
    for job in (segment(chosen), upsert_job(chosen)):
        assert on_a_cluster(job)[BACKEND] == cluster


def test_a_submitted_job_goes_on_from_a_savepoint() -> None:
    job = segment(plan(LIVE, parallelism=3))
    path = "execution.state-recovery.path"
    assert on_a_cluster(job, "file:/savepoint")[path] == "file:/savepoint"
    assert path not in on_a_cluster(job)
    assert on_a_cluster(job)["parallelism.default"] == "3"


def test_events_of_a_run_that_ends_come_in_larger_batches() -> None:
    bounded = LIVE | {"source": {"kafka": KAFKA | {"topic": "events", "bounded": True}}}
    as_of = "2026-01-31T12:00:00Z"
    assert parts.source(plan(LIVE)).batch_ms == 100
    assert parts.source(plan(FILES)).batch_ms == 500
    assert parts.source(plan(FILES, batch="2s")).batch_ms == 2_000
    assert parts.source(plan(bounded, as_of=as_of)).batch_ms == 500
    changelog = parts.changelog(plan(bounded | STORE, as_of=as_of))
    assert changelog is not None
    assert (changelog.batch_ms, changelog.bounded) == (100, True)


def test_the_parts_of_a_run_over_files_and_of_one_over_kafka() -> None:
    over_files, over_kafka = plan(FILES), plan(LIVE)
    source, sink = parts.source(over_files), parts.sink(over_files, None)
    assert isinstance(source, StagedEvents)
    assert isinstance(sink, FolderSink)
    assert sink.folder == Path("/shop/out")
    assert sink.topics == ("assignments", "transitions", "dead-letters", "models")
    assert parts.control(over_files, 7) is None
    assert parts.changelog(over_files) is None
    source, sink = parts.source(over_kafka), parts.sink(over_kafka, None)
    assert isinstance(source, KafkaEvents)
    assert isinstance(sink, KafkaSink)
    topics = (
        *("assignments", "transitions", "dead-letters"),
        *("flockwise-models", "flockwise-status", "flockwise-leases"),
    )
    assert sink.topics == topics
    control = parts.control(over_kafka, 7)
    assert control is not None
    assert (control.topic, control.offset) == ("flockwise-control", 7)


@pytest.mark.parametrize("data", [LIVE, FILES, FILES | STORE])
def test_upsert_needs_a_store_and_a_changelog_in_kafka(data: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"output\.kafka and a store"):
        upsert_job(plan(data))
