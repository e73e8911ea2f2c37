"""A plan is what all commands begin with: it needs no Flink, and its paths are its file's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flink_job.config.load import check
from flink_job.config.store import CassandraSpec, SqliteSpec
from flink_job.plan import Plan

CASSANDRA = CassandraSpec(["localhost"])


@pytest.mark.parametrize(
    "module",
    [
        "flink_job.plan",
        "flink_job.control.plan_status",
        "flink_job.control.steering",
        "flink_job.control.stops",
        "flink_job.deadletters.opening",
        "flink_job.jobs.preflight",
        "flink_job.queries.models",
        "flink_job.queries.users",
    ],
)
def test_who_runs_no_job_imports_no_flink(module: str) -> None:
    asked = f"import {module}, sys; sys.exit('pyflink' in sys.modules or 'py4j' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize(
    ("kafka", "folder", "bounded", "steered"),
    [(True, False, False, True), (True, False, True, False), (False, True, True, False)],
)
def test_only_a_run_from_kafka_to_kafka_without_end_is_steered(
    kafka: bool, folder: bool, bounded: bool, steered: bool
) -> None:
    address: dict[str, Any] = {"bootstrap": "localhost:9092"}
    source = {"kafka": address | {"topic": "events", "bounded": bounded}}
    data = {
        "source": source,
        "output": {"folder": "out"} if folder else {"kafka": address},
        "features": {"views": {"count": "view", "window": "1h"}},
        **({"run": {"as_of": "2026-01-31T12:00:00Z"}} if bounded else {}),
    }
    plan = Plan(check(data, "the test"), Path("/shop"))
    assert plan.steered == steered
    assert (plan.kafka.output_broker() is not None) == kafka
    assert plan.paths.output_folder() == (Path("/shop/out") if folder else None)


def test_a_store_says_itself_what_of_it_lies_where() -> None:
    def absolute(path: str) -> Path:
        return Path("/shop") / path

    assert SqliteSpec("store.db").at(absolute) == SqliteSpec("/shop/store.db")
    assert CASSANDRA.at(absolute) == CASSANDRA
    with_ca = CassandraSpec(["localhost"], ca_file="ca.pem")
    assert with_ca.at(absolute).ca_file == "/shop/ca.pem"
    assert (SqliteSpec("store.db").lies_here, CASSANDRA.lies_here) == ("a sqlite file", None)
