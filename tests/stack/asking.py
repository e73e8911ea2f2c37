"""What tests of the command line share: topics with records, configurations, and a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from kafka.consumer.fetcher import ConsumerRecord
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.transactions import Transactions
from operators.base.errors import FlockwiseError
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]

Record = tuple[bytes | None, bytes | None]


def new_name(what: str) -> str:
    """A name that no other test has."""
    return f"{what}-{uuid4().hex[:12]}"


def write(bootstrap: str, topic: str, records: Iterable[Record], *, commit: bool = True) -> None:
    """Write records in one transaction, as Flink does; or in one that is given up."""
    kafka.make_topic(Broker(bootstrap), topic, 2)
    name = new_name("test")
    with kafka.producer(Broker(bootstrap), transactional_id=name) as writer:
        Transactions(writer, name)
        writer.begin_transaction()
        for key, value in records:
            writer.send(topic, value, key)
        writer.flush()
        if commit:
            writer.commit_transaction()
        else:
            writer.abort_transaction()


def held(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every committed record of a topic, those of a partition in order."""
    return list(reading.read_to_end(Broker(bootstrap), [topic]))


def pairs(bootstrap: str, topic: str) -> list[Record]:
    """The keys and values of a topic."""
    return [(record.key, record.value) for record in held(bootstrap, topic)]


def kafka_config(bootstrap: str, **changes: Any) -> dict[str, Any]:
    """A configuration between topics of its own."""
    name = new_name("test")
    topics = {part: f"{name}-{part}" for part in ("assignments", "transitions", "dead_letters")}
    return {
        "name": name,
        "source": {"kafka": {"bootstrap": bootstrap, "topic": f"{name}-events"}},
        "output": {"kafka": {"bootstrap": bootstrap, **topics}},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {"Bots": {"when": "views > 100"}, "Engaged Buyers": {"when": "views > 3"}},
        **changes,
    }


def write_config(folder: Path, config: dict[str, Any]) -> Path:
    """Put a configuration into a folder; JSON is YAML too."""
    path = folder / "run.yaml"
    path.write_bytes(msgspec.json.encode(config))
    return path


def flockwise(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, env=environment()
    )


def here(*arguments: str | Path, **environ: str | None) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, where a process of its own is not what is tested.

    It ends as there: with a code, and the line that says why. Anything but an error that is meant
    for the user, whom it would reach as a traceback, is raised.
    """
    done = CliRunner().invoke(app, list(map(str, arguments)), env=environ)
    said, code = done.stderr, done.exit_code
    if isinstance(done.exception, FlockwiseError):
        said, code = f"{said}✗ {done.exception}\n", done.exception.exit_code
    elif done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, code, done.stdout, said)


def command(*arguments: str | Path) -> list[str]:
    """The words of the command."""
    return [sys.executable, "-m", "flink_job", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Where the command finds this checkout, whatever folder it is run in."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def finished(arguments: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command's end; if that does not come, all that the command has started is ended."""
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environ),
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, err = process.communicate()
        pytest.fail(f"no end after {PATIENCE_S} s: {err}")
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
