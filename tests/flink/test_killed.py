"""A run that is killed, or ends, takes its JVM and all temporary files with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.flink.harness import config_of, write_events
from tests.oracle import SECOND, Event

pytestmark = pytest.mark.flink

PATIENCE_S: Final = 600
START: Final = 1_790_000_000 * SECOND
FEATURES: Final = {"views": {"count": "view", "window": "lifetime"}}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    events = (Event(f"user-{n % 500}", START + n * SECOND, "view") for n in range(20_000))
    write_events(tmp_path / "events.jsonl", events)
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(config_of(FEATURES, {"Many": {"when": "views >= 2"}})))
    return path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def flockwise(words: Sequence[str], temporary: Path) -> subprocess.Popen[bytes]:
    """Start a command whose temporary files go into a folder that nobody else uses."""
    with (temporary.parent / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "flink_job", *words],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=said,
            stderr=said,
        )


def of(temporary: Path) -> list[int]:
    """The processes that name the folder on their command lines: the JVM, and who keeps it."""
    return [pid for pid, line in command_lines() if str(temporary) in line]


def command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                yield int(folder.name), (folder / "cmdline").read_text(errors="replace")
            except OSError:  # it has ended
                continue


def until(true: Callable[[], object], what: str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s, f"waited in vain for {what}"
        time.sleep(0.2)


def all_gone(temporary: Path) -> bool:
    return not of(temporary) and not list(temporary.iterdir())


def at_work(log: Path) -> bool:
    """Whether Flink has begun to run the job."""
    found = log.glob("flink-*.log")
    return any("switched from DEPLOYING to INITIALIZING" in path.read_text() for path in found)


def kill_when(true: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    until(lambda: true() or process.poll() is not None, "the moment to kill it")
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_while_java_starts(config: Path, temporary: Path) -> None:
    process = flockwise(["run", str(config)], temporary)
    kill_when(lambda: of(temporary), process)
    until(lambda: all_gone(temporary), "Java to be gone")


def test_killed_at_work_and_an_ordinary_end(config: Path, temporary: Path) -> None:
    process = flockwise(["run", str(config)], temporary)
    kill_when(lambda: at_work(config.parent / "state" / "logs"), process)
    until(lambda: all_gone(temporary), "Java to be gone")

    assert flockwise(["run", str(config), "--fresh"], temporary).wait(PATIENCE_S) == 0
    until(lambda: all_gone(temporary), "Java to be gone after an ordinary end")

    words = ["segments", "preview", str(config)]
    process = flockwise(words, temporary)
    logs = "flockwise-*/preview-*/state/logs"
    kill_when(lambda: any(at_work(found) for found in temporary.glob(logs)), process)
    until(lambda: all_gone(temporary), "the preview to be gone")


def test_a_run_that_is_refused_leaves_nothing(config: Path, temporary: Path) -> None:
    (config.parent / "events.jsonl").unlink()
    assert flockwise(["run", str(config)], temporary).wait(PATIENCE_S) == 2
    until(lambda: all_gone(temporary), "Java to be gone")


def test_a_demo_that_is_killed(tmp_path: Path, temporary: Path) -> None:
    process = flockwise(["demo", "--dir", str(tmp_path / "demo"), "--users", "300"], temporary)
    kill_when(lambda: at_work(tmp_path / "demo" / "state" / "logs"), process)
    until(lambda: all_gone(temporary), "Java to be gone")
