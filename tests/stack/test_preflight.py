"""What `flockwise run` says where something is missing or wrong: a line, a code, and no secret."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flink_job.config.load import check
from flink_job.jobs.segment import Start, begin
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from flink_job.plan import Plan
from flink_job.runtime.run_folder import RunFolder
from flink_job.runtime.running import free_port
from flink_job.stack import CassandraAccess
from tests.stack.asking import (
    command,
    environment,
    finished,
    here,
    kafka_config,
    new_name,
    write_config,
)

pytestmark = [pytest.mark.stack]

GOOD = b'{"user_id": "ann", "event_time": "2026-01-01T00:00:00Z", "event_type": "view"}'
SECRET = "Correct-Horse-7"
UNSET = ("KAFKA_USER", "KAFKA_PASSWORD", "CASSANDRA_PASSWORD", "CASSANDRA_USER")


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A run over a file, all of which is as it should be."""
    (tmp_path / "events.jsonl").write_bytes(GOOD + b"\n")
    return {
        **kafka_config("unused"),
        "source": {"files": {"paths": ["events.jsonl"]}},
        "output": {"folder": "out"},
        "segments": {"Anybody": {"when": "views >= 1"}},
        "run": {"state": "state"},
    }


def run(
    folder: Path,
    config: Mapping[str, Any],
    *options: str,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """`flockwise run`, where no secret is set but those that are given."""
    inherited = {name: value for name, value in environment().items() if name not in UNSET}
    arguments = command("run", write_config(folder, dict(config)), *options)
    return finished(arguments, {**inherited, **environ})


def run_here(folder: Path, config: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """The same in this process: for mistakes that no library complains of, too."""
    return here("run", write_config(folder, dict(config)), **dict.fromkeys(UNSET))


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command ends with: its mistake, which it tells once."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    _, mark, said = done.stderr.partition("✗ ")
    assert mark, done.stderr
    assert "✗" not in said
    return said.strip()


def line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that a command ends with."""
    said = complaint(done, code)
    assert "\n" not in said
    return said


def test_kafka_is_not_there(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    said = line(run(tmp_path, kafka_config(address)), 1)
    assert said.startswith(f"Kafka at {address} can't be used: ")


def test_kafka_does_not_let_us_in(kafka: str, tmp_path: Path) -> None:
    made = kafka_config(kafka)
    made["source"]["kafka"]["security"] = {
        "protocol": "SASL_PLAINTEXT",
        "mechanism": "SCRAM-SHA-512",
        "user": "${KAFKA_USER}",
        "password": "${KAFKA_PASSWORD}",
    }
    said = line(run(tmp_path, made, KAFKA_USER="flockwise", KAFKA_PASSWORD=SECRET), 1)
    assert said.startswith(f"Kafka at {kafka} can't be used: ")


def test_the_topic_is_not_there(kafka: str, tmp_path: Path) -> None:
    made, name = kafka_config(kafka), new_name("events")
    kafka_client.make_topic(Broker(kafka), name, 1)
    made["source"]["kafka"]["topic"] = name + "s"
    said = line(run_here(tmp_path, made), 1)
    assert said == f"Kafka at {kafka} has no topic '{name}s', did you mean '{name}'?"


def cassandra_at(host: str, port: int) -> dict[str, Any]:
    login = {"user": "flockwise", "password": "${CASSANDRA_PASSWORD}"}
    return {"kind": "cassandra", "hosts": [host], "port": port, **login}


def test_cassandra_is_not_there(tmp_path: Path, config: dict[str, Any]) -> None:
    port = free_port()
    made = {**config, "store": cassandra_at("127.0.0.1", port)}
    said = line(run(tmp_path, made, CASSANDRA_PASSWORD=SECRET), 1)
    assert f"Cassandra at 127.0.0.1 port {port} can't be used: " in said


def test_cassandra_does_not_let_us_in(
    cassandra: CassandraAccess, tmp_path: Path, config: dict[str, Any]
) -> None:
    made = {**config, "store": cassandra_at(cassandra.host, cassandra.port)}
    said = line(run(tmp_path, made, CASSANDRA_PASSWORD=SECRET), 1)
    assert f"Cassandra at {cassandra.host} port {cassandra.port} can't be used: " in said


def test_a_secret_is_not_set(tmp_path: Path, config: dict[str, Any]) -> None:
    made = {**config, "store": cassandra_at("127.0.0.1", 9042)}
    said = line(run_here(tmp_path, made), 2)
    assert said.startswith("store.password: ")
    assert "CASSANDRA_PASSWORD" in said


@pytest.mark.parametrize("part", ["state", "output", "store"])
def test_a_folder_can_not_be_written(tmp_path: Path, config: dict[str, Any], part: str) -> None:
    (tmp_path / "file").touch()
    below = {
        "state": {"run": {"state": "file/below"}},
        "output": {"output": {"folder": "file/below"}},
        "store": {"store": {"kind": "sqlite", "path": "file/below/store.db"}},
    }
    # Java's log goes there, too.
    ran = (run if part == "state" else run_here)(tmp_path, {**config, **below[part]})
    said = line(ran, 1 if part == "store" else 2)
    assert str(tmp_path / "file" / "below") in said


@pytest.mark.flink
@pytest.mark.long
def test_without_any_java_the_wheels_serves(tmp_path: Path, config: dict[str, Any]) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).glob("*"):
            if tool.name != "java" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    assert shutil.which("java", path=str(tools)) is None
    nonsense = str(tmp_path / "no java")
    done = run(tmp_path, config, PATH=str(tools), JAVA_HOME=nonsense)
    assert done.returncode == 0, done.stderr
    assert "1 applied, 0 dead letters" in " ".join(done.stderr.split())


def test_a_file_of_events_is_not_there(tmp_path: Path, config: dict[str, Any]) -> None:
    (tmp_path / "events.jsonl").unlink()
    said = line(run_here(tmp_path, config), 2)
    assert said == f"{tmp_path / 'events.jsonl'}: there is no such file"


def test_every_mistake_is_told_at_once(tmp_path: Path, config: dict[str, Any]) -> None:
    made = {
        **config,
        "sorce": {},
        "events": {"time_unit": "minutes", "sesion": "s"},
        "features": {"views": {"count": "view", "window": "1 hour"}},
        "segments": {"Bots": {"when": "views > 100"}},
        "run": {"lanes": 1_000, "paralelism": 2, "batch": 50},
        "store": {"kind": "sqlite", "path": "store.db", "keep_transitions": "for ever"},
    }
    said = complaint(run(tmp_path, made), 2).splitlines()
    assert said[0] == f"{tmp_path / 'run.yaml'} has {len(said) - 1} mistakes:"
    told = dict(each.strip().split(": ", 1) for each in said[1:])
    assert told.keys() == {
        "sorce",
        "events.time_unit",
        "events.sesion",
        "features.views.window",
        "run.paralelism",
        "run.batch",
        "store.keep_transitions",
    }
    assert "did you mean 'source'?" in told["sorce"]
    assert "did you mean 'session'?" in told["events.sesion"]
    assert "did you mean 'parallelism'?" in told["run.paralelism"]


def test_the_name_of_a_feature_is_misspelt(tmp_path: Path, config: dict[str, Any]) -> None:
    said = complaint(
        run_here(tmp_path, {**config, "segments": {"Bots": {"when": "vews > 100"}}}), 2
    )
    assert "segments.Bots.when: " in said
    assert "did you mean 'views'?" in said


def test_the_kind_of_a_store_is_misspelt(tmp_path: Path, config: dict[str, Any]) -> None:
    made = {**config, "store": {"kind": "casandra", "hosts": ["127.0.0.1"]}}
    said = complaint(run_here(tmp_path, made), 2)
    assert "store.kind: " in said
    assert "'casandra'" in said
    assert "did you mean 'cassandra'?" in said


def test_another_run_is_at_work(tmp_path: Path, config: dict[str, Any]) -> None:
    with RunFolder(tmp_path / "state").locked():
        said = line(run_here(tmp_path, config), 2)
    assert said.startswith(f"another run is at work in {tmp_path / 'state'}")


def test_what_an_earlier_run_left_is_broken(tmp_path: Path, config: dict[str, Any]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "run.json").touch()
    said = line(run_here(tmp_path, config), 2)
    assert str(tmp_path / "state") in said
    assert "--fresh" in said


@pytest.mark.flink
@pytest.mark.long
def test_a_checkpoint_is_broken(tmp_path: Path, config: dict[str, Any]) -> None:
    plan = Plan(check(config, "the test"), tmp_path)
    begin(plan, Start(), lambda _: None)
    broken = plan.folder.checkpoints / "job" / "chk-1" / "_metadata"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"broken")
    assert line(run(tmp_path, config, "--resume"), 1)
