"""What can be submitted to a cluster, and what of a plan reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flink_job.config.load import check
from flink_job.jobs.submit import jobs_of, without_store
from flink_job.plan import JobKind, Plan
from flink_job.runtime.kept_state import as_uri
from operators.base.errors import ConfigError, UsageError

KAFKA = {"bootstrap": "localhost:9092"}
CASSANDRA = {"kind": "cassandra", "hosts": ["localhost"]}
SQLITE = {"kind": "sqlite", "path": "store.db"}


def plan(**changes: Any) -> Plan:
    """A plan that goes from Kafka to Kafka, with some parts changed."""
    data = {
        "source": {"kafka": KAFKA | {"topic": "events"}},
        "output": {"kafka": KAFKA},
        "features": {"views": {"count": "view", "window": "1h"}},
    }
    return Plan(check(data | changes, "the test"), Path("/nowhere"))


@pytest.mark.parametrize(
    ("changes", "only", "expected"),
    [
        ({}, None, ["segment"]),
        ({}, "segment", ["segment"]),
        ({"store": CASSANDRA}, None, ["segment", "upsert"]),
        ({"store": CASSANDRA}, "upsert", ["upsert"]),
        ({"store": SQLITE}, "segment", ["segment"]),
    ],
)
def test_jobs_to_submit(
    changes: dict[str, Any], only: JobKind | None, expected: list[JobKind]
) -> None:
    assert jobs_of(plan(**changes), only) == expected


@pytest.mark.parametrize(
    ("changes", "only", "said"),
    [
        ({"source": {"files": {"paths": ["e.csv"]}}}, None, "source.kafka and output.kafka"),
        ({"output": {"folder": "out"}}, None, "source.kafka and output.kafka"),
        (
            {
                "source": {"kafka": KAFKA | {"topic": "events", "bounded": True}},
                "run": {"as_of": "2026-01-01T00:00:00Z"},
            },
            None,
            "source.kafka.bounded",
        ),
        ({"store": SQLITE}, None, "flockwise submit --only segment"),
        ({"store": SQLITE}, "upsert", "flockwise submit --only segment"),
        ({}, "upsert", "--only upsert: expected a store"),
    ],
)
def test_what_a_cluster_can_not_run_is_refused(
    changes: dict[str, Any], only: JobKind | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        jobs_of(plan(**changes), only)


def test_a_plan_without_its_store() -> None:
    with_store = plan(store=CASSANDRA, name="shop")
    assert without_store(with_store) == plan(name="shop")


def test_savepoints_are_uris(tmp_path: Path) -> None:
    assert as_uri("s3://bucket/savepoint-1") == "s3://bucket/savepoint-1"
    assert as_uri("file:/shared/savepoint-1") == "file:/shared/savepoint-1"
    assert as_uri(str(tmp_path / "a b")) == f"file://{tmp_path}/a%20b"


@pytest.mark.parametrize("uri", ["s3://bucket/flockwise", "file:///shared", "hdfs:/checkpoints"])
def test_checkpoints_go_to_a_uri(uri: str) -> None:
    assert plan(run={"checkpoints": uri}).config.run.checkpoints == uri


@pytest.mark.parametrize("path", ["checkpoints", "/shared/checkpoints", "", "s3:bucket"])
def test_checkpoints_do_not_go_to_a_path(path: str) -> None:
    with pytest.raises(ConfigError, match=r"run\.checkpoints: expected a URI such as file:///"):
        plan(run={"checkpoints": path})
