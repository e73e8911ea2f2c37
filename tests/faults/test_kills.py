"""Whatever is killed, the committed changelog is what an undisturbed run gives."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from flink_job import local_cluster as cluster
from flink_job.local_cluster import LocalCluster
from operators.base.errors import JobError
from tests.patience import until
from tests.stack.replays import History, Replay, get, submit
from tests.stack.starts import refused

pytestmark = [pytest.mark.faults, pytest.mark.stack]

HISTORY = History(seed=29, users=100, count=30_000)
PAUSE_S = 0.01  # after each event: what is killed, is killed in the midst of it


@pytest.fixture
def running(tmp_path: Path, server_jars: None) -> Iterator[LocalCluster]:
    """Three TaskManagers for a job of two: one that is killed can be done without."""
    folder = tmp_path / "flink"
    yield cluster.start(folder, taskmanagers=3)
    cluster.stop(folder)


def test_killed_taskmanagers_and_jobmanagers_lose_nothing_and_repeat_nothing(
    running: LocalCluster, kafka: str, tmp_path: Path
) -> None:
    shop = Replay(HISTORY, "kills", kafka, tmp_path)
    shop.write_config(parallelism=2)
    job = submitted(shop, running)

    with sending(shop):
        until(lambda: len(shop.moves()) > 500, "the job to be in the midst of it")
        # One is left over: the job goes on with it, and nobody has to do anything.
        killed = busy(running)[0]
        kill(running, killed)
        goes_on(shop, running, job)
        assert killed not in busy(running)

        # A JobManager that is killed is started again by whoever watches over it.
        kill(running, "jobmanager")
        cluster.start(running.folder)
        goes_on(shop, running, job)

        # So are TaskManagers for which no others can stand in.
        kill(running, *busy(running))
        until(lambda: not works(running, job), "the job to miss it")
        cluster.start(running.folder)
        goes_on(shop, running, job)

        # Everything at once.
        kill(running, *pids(running))
        cluster.start(running.folder)
        goes_on(shop, running, job)
    shop.check()
    assert [found.id for found in running.rest.jobs()] == [job]


def test_a_job_goes_on_from_its_savepoint_on_fewer_taskmanagers(
    running: LocalCluster, kafka: str, tmp_path: Path
) -> None:
    history = History(seed=31, users=60, count=4_000)
    shop = Replay(history, "upgrade", kafka, tmp_path)
    shop.write_config(parallelism=3)
    job = submitted(shop, running)
    half = len(history.records) // 2
    shop.send(history.records[:half])
    until(lambda: len(shop.moves()) > len(history.moves) // 4, "the first transitions")

    rest = running.rest
    savepoints = running.folder / "savepoints"
    request = rest.stop(job, savepoints.as_uri())
    until(lambda: rest.stopped(job, request), "the savepoint")
    (savepoint,) = savepoints.iterdir()
    shop.send(history.records[half:])
    shop.write_config(parallelism=1)
    submitted(shop, running, "--savepoint", str(savepoint))
    shop.check()

    # Without it all would come again, and with it what came since: both are refused.
    (running_job,) = [found for found in rest.jobs() if not found.over]
    rest.cancel(running_job.id)
    until(lambda: all(found.over for found in rest.jobs()), "the job to be cancelled")
    checkpoints = running.folder / "checkpoints" / "upgrade" / "segment"
    (checkpoint,) = (checkpoints / running_job.id).glob("chk-*")
    anew = submit(shop.path, running.address)
    refused(anew, "'upgrade' would begin anew, but", f"--savepoint file:{checkpoint}")
    older = submit(shop.path, running.address, "--savepoint", str(savepoint))
    refused(older, "and 'upgrade' has gone on until", "--resume", "--fresh")
    submitted(shop, running, "--fresh")
    until(lambda: len(shop.moves()) > len(history.moves), "transitions to come again")


def submitted(shop: Replay, running: LocalCluster, *options: str) -> str:
    """Submit, and give the id of the job."""
    done = submit(shop.path, running.address, *options)
    assert done.returncode == 0, done.stderr
    (job,) = [found.id for found in running.rest.jobs() if not found.over]
    return job


@contextmanager
def sending(shop: Replay) -> Iterator[None]:
    """Send the history all the while, and what is left of it at the end."""
    hurry = threading.Event()

    def send() -> None:
        shop.send(shop.history.records, lambda: hurry.wait(PAUSE_S))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
        assert thread.is_alive(), "all was sent before the last kill: take a longer history"
    finally:
        hurry.set()
        thread.join()


def busy(running: LocalCluster) -> list[str]:
    """The TaskManagers whose slot is taken, by name."""
    found = get(running.rest, "/taskmanagers")["taskmanagers"]
    return sorted(one["id"] for one in found if not one["freeSlots"])


def kill(running: LocalCluster, *names: str) -> None:
    """Kill processes of the cluster as a machine that fails would."""
    for name in names:
        pid = pids(running)[name]
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    until(lambda: not any(pids(running)[name] for name in names), "the processes to be gone")


def pids(running: LocalCluster) -> dict[str, int | None]:
    return {process.name: process.pid for process in cluster.status(running.folder)}


def goes_on(shop: Replay, running: LocalCluster, job: str) -> None:
    """Wait until the job commits again."""
    before = len(shop.moves())
    until(lambda: works(running, job), "the job to be at work again")
    until(lambda: len(shop.moves()) > before + 100, "the job to go on")


def works(running: LocalCluster, job: str) -> bool:
    with suppress(JobError):
        return running.rest.runs(job)
    return False
