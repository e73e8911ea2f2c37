"""Both jobs on a real cluster of one JobManager and three TaskManagers, by `flockwise submit`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flink_job import local_cluster as cluster
from flink_job.cli import app
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics
from flink_job.leases.registry import registry
from flink_job.local_cluster import LocalCluster
from flink_job.runtime.rest import FlinkRest
from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra import CassandraStore
from operators.base.errors import JobError
from operators.contracts.records import BEGAN_ANEW, Assignment
from tests.patience import PATIENCE_S, until
from tests.property.replay_cases import micros
from tests.stack.asking import here
from tests.stack.replays import BAD_EVERY, History, Move, Replay, get, submit
from tests.stack.servers import cassandra_store
from tests.stack.starts import consistent, refused

pytestmark = [pytest.mark.stack, pytest.mark.flink]

HISTORY = History(seed=11, users=40, count=2_000)
SCRIPT = Path(__file__).parents[2] / "deploy" / "flink" / "local-cluster"
RUNNER = CliRunner()
PASSWORD = "${CLUSTER_TEST_PASSWORD}"


@pytest.fixture(scope="module")
def environ(cassandra: CassandraAccess) -> dict[str, str]:
    """The environment with the one secret of these jobs."""
    return {**os.environ, PASSWORD[2:-1]: cassandra.login().password}


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], server_jars: None
) -> Iterator[LocalCluster]:
    """A cluster whose processes know the secret."""
    folder = tmp_path_factory.mktemp("flink")
    yield cluster.start(folder, taskmanagers=3, environ=environ)
    cluster.stop(folder)


@pytest.fixture(autouse=True)
def ends_its_jobs(running: LocalCluster) -> Iterator[None]:
    """What a test has left at work when it failed takes no slots from those after it."""
    yield
    with suppress(JobError):  # a test may have ended the cluster
        cancel_all(running)


def test_both_jobs_on_a_cluster_do_what_the_oracle_says(
    running: LocalCluster,
    environ: dict[str, str],
    kafka: str,
    own_keyspace: CassandraAccess,
    tmp_path: Path,
) -> None:
    cassandra = own_keyspace
    shop = Replay(HISTORY, "cluster", kafka, tmp_path)
    store = {"kind": "cassandra", "hosts": [cassandra.host], "port": cassandra.port}
    login = {"user": cassandra.user, "password": PASSWORD, "keyspace": cassandra.keyspace}
    shop.write_config(parallelism=2, store=store | login)

    submitted = submit(shop.path, running.address, environ=environ)
    assert submitted.returncode == 0, submitted.stderr
    jobs = dict(re.findall(r"'cluster (\w+)' is at work: job (\w+)", submitted.stdout))
    assert set(jobs) == {"segment", "upsert"}
    assert environ[PASSWORD[2:-1]] not in submitted.stdout + submitted.stderr
    for job in jobs.values():
        check_checkpoints(running.rest, job)

    shop.send(HISTORY.records)
    shop.check()
    applied = len(HISTORY.records) - len(HISTORY.bad)
    until(lambda: metric(running, "events_applied") == applied, "all events to be counted")
    bad = len(HISTORY.events) // BAD_EVERY + shop.echoes
    assert metric(running, "dead_letters") == bad
    with closing(cassandra_store(cassandra)) as opened:
        until(lambda: stored(opened) == shop.assignments(), "the store to follow")

    secret = {PASSWORD[2:-1]: environ[PASSWORD[2:-1]]}
    check_refusals(shop, running, secret, tmp_path)
    # Lags are as of the last checkpoints, which come late where there is much to do.
    until(lambda: lags(status(shop, running)) == (0, 0), "checkpoints with all of it")
    check_status(status(shop, running), running, jobs, bad)
    check_stops(shop, running, secret)
    stop(shop, running, "--no-savepoint")
    for kind in jobs:
        folder = running.folder / "checkpoints" / "cluster" / kind
        left_state = running.rest.last_state(f"cluster {kind}")
        kept = [f"file:{path}" for path in folder.glob("*/chk-*")]
        assert left_state is not None
        assert left_state.uri in kept, "it stays when a job is cancelled"
    check_a_fresh_start(shop, running, secret)


def check_refusals(
    shop: Replay, running: LocalCluster, secret: dict[str, str], folder: Path
) -> None:
    """Nobody joins jobs that are at work, or takes the slots that they have."""
    again = here(*words("submit", shop, running), **secret)
    refused(again, "'cluster' is at work, started by", f"the cluster at {running.address}")
    beside = here("run", shop.path, **secret)
    refused(beside, "'cluster' is at work, started by", running.address)
    other = Replay(HISTORY, "other", shop.bootstrap, folder)
    other.write_config(parallelism=2)
    crowded = here(*words("submit", other, running))
    assert crowded.returncode == 1
    assert "expected 2 free slots ('other segment' 2), found 0" in " ".join(crowded.stderr.split())
    assert {job.name for job in running.rest.jobs()} == {"cluster segment", "cluster upsert"}


def check_stops(shop: Replay, running: LocalCluster, secret: dict[str, str]) -> None:
    """`stop` leaves what `submit --resume` goes on from."""
    stop(shop, running)
    assert [job["state"] for job in status(shop, running)["jobs"]] == ["not running"] * 2
    assert RUNNER.invoke(app, words("stop", shop, running)).exit_code == 1
    resumed = here(*words("submit", shop, running, "--resume"), **secret)
    assert resumed.returncode == 0, resumed.stderr
    for kind in ("segment", "upsert"):
        said = rf"'cluster {kind}' goes on from the savepoint of .* ago: file:.*/cluster/{kind}/"
        assert re.search(said, resumed.stderr)
    shop.check()  # nothing was told again


def stop(shop: Replay, running: LocalCluster, *options: str) -> None:
    """Stop both jobs, which leave what they can go on from."""
    stopped = RUNNER.invoke(app, words("stop", shop, running, *options))
    assert stopped.exit_code == 0, stopped.exception
    assert stopped.output.count(f"to go on:  flockwise submit {shop.path} --resume") == 2


def stored(store: CassandraStore) -> dict[str, Assignment]:
    """What the store has of the users of the history."""
    return {a.user: a for a in store.assignments() if not a.user.startswith("last-")}


def check_a_fresh_start(shop: Replay, running: LocalCluster, secret: dict[str, str]) -> None:
    """Over an earlier changelog, where nobody works, memberships are ended first, if it is said."""
    segment = ("--only", "segment")
    anew = here(*words("submit", shop, running, *segment), **secret)
    refused(anew, "'cluster' would begin anew, but", "--fresh", "--savepoint file:")
    fresh = here(*words("submit", shop, running, *segment, "--fresh"), **secret)
    assert fresh.returncode == 0, fresh.stderr
    until(lambda: len(judged(shop)) >= 2 * len(HISTORY.moves), "all to be judged again")
    assert judged(shop) == sorted([*HISTORY.moves, *HISTORY.moves])
    consistent(shop.transitions(), shop.assignments().values())
    assert heard_of(shop.broker, "cluster"), "the job on the cluster says that it is at work"
    cancel_all(running)
    (left,) = re.findall(r"--savepoint (file:\S+)", anew.stderr)
    older = here(*words("submit", shop, running, *segment, "--savepoint", left), **secret)
    refused(older, "and 'cluster' has gone on until", "--resume", "--fresh")


def cancel_all(running: LocalCluster) -> None:
    """End all jobs of the cluster, with their checkpoints left."""
    for job in running.rest.jobs():
        if not job.over:
            running.rest.cancel(job.id)
    until(lambda: all(job.over for job in running.rest.jobs()), "jobs to be cancelled")


def judged(shop: Replay) -> list[Move]:
    """The transitions of those who were judged, without those who only made room."""
    told = [t for t in shop.transitions() if t.why != [BEGAN_ANEW]]
    return sorted((t.user, micros(t.at), t.segment, t.kind) for t in told)


def heard_of(broker: Broker, name: str) -> bool:
    """Whether the job of a name says that it is at work."""
    with registry(broker, Topics().leases) as topic:
        (holder,) = topic.holders.in_the_way(name, ())
        return topic.hear(holder, PATIENCE_S)


def test_a_job_that_can_not_start_is_cancelled_and_says_why(
    running: LocalCluster, kafka: str, cassandra: CassandraAccess, tmp_path: Path
) -> None:
    shop = Replay(HISTORY, "unset", kafka, tmp_path)
    store = {"kind": "cassandra", "hosts": [cassandra.host], "port": cassandra.port}
    login = {"user": cassandra.user, "password": "${ONLY_SET_HERE}"}
    shop.write_config(parallelism=1, store=store | login)
    own = {"ONLY_SET_HERE": cassandra.login().password}
    failed = here(*words("submit", shop, running, "--only", "upsert"), **own)
    assert failed.returncode == 1
    said = " ".join(failed.stderr.split())
    assert "'unset upsert' failed: UsageError: store.password: expected the environment" in said
    assert "variable ONLY_SET_HERE to be set where the TaskManagers are started" in said
    until(lambda: all(job.over for job in running.rest.jobs()), "the job to be cancelled")


def test_a_cluster_is_started_once_grown_and_shrunk(running: LocalCluster) -> None:
    before = pids(running)
    assert set(before) == {
        *("zookeeper", "jobmanager", "taskmanager-1", "taskmanager-2", "taskmanager-3")
    }
    assert cluster.start(running.folder) == running
    assert pids(running) == before
    grown = cluster.start(running.folder, taskmanagers=4)
    assert pids(grown).items() > before.items()
    assert running.rest.overview().taskmanagers == 4
    cluster.start(running.folder, taskmanagers=3)
    assert {name: pid for name, pid in pids(running).items() if pid} == before


def test_the_script_starts_what_was_killed_says_how_it_is_and_ends_it(
    running: LocalCluster,
) -> None:
    before = pids(running)
    os.kill(before["taskmanager-2"] or 0, signal.SIGKILL)
    until(lambda: pids(running)["taskmanager-2"] is None, "the TaskManager to be gone")
    script("start", running)
    after = pids(running)
    assert {name for name in after if after[name] != before[name]} == {"taskmanager-2"}
    free = f"http://{running.address} (3 TaskManagers, 3 slots free)"
    until(lambda: free in script("status", running), "the JobManager to miss who was killed")
    assert f"export FLINK_CONF_DIR={running.conf}" in script("status", running)
    assert "Ended zookeeper, jobmanager, taskmanager-1" in script("stop", running)
    assert not any(pids(running).values())
    assert script("stop", running) == "Nothing was running.\n"


def words(command: str, shop: Replay, running: LocalCluster, *options: str) -> list[str]:
    """A command of flockwise about jobs on the cluster."""
    return [command, str(shop.path), "--address", running.address, *options]


def status(shop: Replay, running: LocalCluster) -> dict[str, Any]:
    """What `flockwise status` says to programs; its exit code agrees."""
    told = RUNNER.invoke(app, words("status", shop, running, "--json"))
    found: dict[str, Any] = json.loads(told.stdout)
    assert told.exit_code == (0 if found["good"] else 1)
    return found


def lags(found: dict[str, Any]) -> tuple[int, int]:
    """How many events, and records of the changelog, are left to be read."""
    return found["events"], found["changelog"]


def check_status(
    found: dict[str, Any], running: LocalCluster, jobs: dict[str, str], bad: int
) -> None:
    """Both jobs are well."""
    assert found["good"]
    assert found["unknown"] == {}
    assert {job["job"]: job["id"] for job in found["jobs"]} == jobs
    assert {job["where"] for job in found["jobs"]} == {running.address}
    assert all(job["flink"]["restarts"] == 0 for job in found["jobs"])
    assert all(job["flink"]["checkpoints"]["last"]["bytes"] > 0 for job in found["jobs"])
    letters = {each["reason"]: each["letters"] for each in found["dead_letters"]["reasons"]}
    assert letters == {"not_json": bad}


def script(word: str, running: LocalCluster) -> str:
    """What deploy/flink/local-cluster writes."""
    command = [str(SCRIPT), word, str(running.folder)]
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def check_checkpoints(rest: FlinkRest, job: str) -> None:
    """Exactly once, in RocksDB, kept when the job is cancelled."""
    found = get(rest, f"/jobs/{job}/checkpoints/config")
    assert found["mode"] == "exactly_once"
    assert found["externalization"] == {"enabled": True, "delete_on_cancellation": False}
    assert "RocksDB" in found["state_backend"]


def metric(running: LocalCluster, name: str) -> int:
    """A counter as Prometheus reads it, summed over all JVMs of the cluster."""
    total = 0.0
    first, last = map(int, running.kept.metrics_range.split("-"))
    for port in range(first, last + 1):
        with suppress(urllib.error.URLError, ConnectionError):  # busy, or not there
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
            found = re.findall(
                rf"^flink_taskmanager_job_task_operator_{name}{{.* (\S+)$", text, re.M
            )
            total += sum(map(float, found))
    return int(total)


def pids(running: LocalCluster) -> dict[str, int | None]:
    return {process.name: process.pid for process in cluster.status(running.folder)}
