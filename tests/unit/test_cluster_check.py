"""A cluster that is not fit is refused, and why; its answers are those of a real one, changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from typing import Any

import pytest

from flink_job.runtime.cluster_check import check_cluster, checkpoints_of
from flink_job.runtime.rest import FlinkRest
from flink_job.stack.ports import HOST
from operators.base.errors import PreflightError

TIMES = {"start-time": 1_795_763_622_859, "end-time": -1}
GOOD: dict[str, Any] = {
    "/overview": {
        "taskmanagers": 3,
        "slots-total": 3,
        "slots-available": 3,
        "flink-version": version("apache-flink"),
    },
    "/jobmanager/config": [
        {"key": "classloader.parent-first-patterns.additional", "value": "com.shop;pemja"},
        {"key": "execution.checkpointing.dir", "value": "s3://bucket/checkpoints"},
    ],
    "/jobmanager/environment": {
        "classpath": [
            "/opt/flink/lib/flink-python-2.3.0.jar",
            "/opt/flink/lib/flink-sql-connector-kafka-5.0.0-2.2.jar",
        ]
    },
    "/jobs/overview": {
        "jobs": [
            {"jid": "1", "name": "shop segment", "state": "CANCELED", **TIMES},
            {"jid": "2", "name": "other segment", "state": "RUNNING", **TIMES},
        ]
    },
}
JOBS = {"shop segment": 2, "shop upsert": 1}
Answering = Callable[[dict[str, Any]], FlinkRest]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A server that gives the answers of a cluster."""
    servers: list[HTTPServer] = []

    def start(answers: dict[str, Any]) -> FlinkRest:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answers[self.path]).encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer((HOST, 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return FlinkRest(HOST, servers[-1].server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_fit_cluster(answering: Answering) -> None:
    rest = answering(GOOD)
    check_cluster(rest, JOBS)
    assert checkpoints_of(rest, None) == "s3://bucket/checkpoints"
    assert checkpoints_of(rest, "file:///own") == "file:///own"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"/overview": GOOD["/overview"] | {"flink-version": "2.0.1"}},
            r"is Flink 2\.0\.1, flockwise needs 2\.3",
        ),
        (
            {"/overview": GOOD["/overview"] | {"slots-available": 2}},
            r"expected 3 free slots \('shop segment' 2, 'shop upsert' 1\), found 2",
        ),
        ({"/jobmanager/config": []}, r"parent-first-patterns.additional: pemja"),
        (
            {"/jobmanager/environment": {"classpath": ["/lib/flink-python-2.3.0.jar"]}},
            r"expected flink-sql-connector-kafka-\*\.jar in lib/",
        ),
        (
            {
                "/jobs/overview": {
                    "jobs": [{"jid": "1", "name": "shop upsert", "state": "FAILING", **TIMES}]
                }
            },
            r"already at work at .*: 'shop upsert'; end that first",
        ),
        ({"/overview": {"what": "something else"}}, r"no Flink cluster answers at"),
        ({"/overview": []}, r"no Flink cluster answers at"),
    ],
)
def test_an_unfit_cluster(answering: Answering, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PreflightError, match=said):
        check_cluster(answering(GOOD | changes), JOBS)


def test_no_place_for_checkpoints(answering: Answering) -> None:
    with pytest.raises(PreflightError, match="where do checkpoints go"):
        checkpoints_of(answering(GOOD | {"/jobmanager/config": []}), None)


def test_nobody_there(answering: Answering) -> None:
    rest = answering(GOOD)
    nobody = FlinkRest("127.0.0.2", rest.port)
    with pytest.raises(PreflightError, match=r"no Flink cluster answers at 127\.0\.0\.2"):
        check_cluster(nobody, JOBS)
