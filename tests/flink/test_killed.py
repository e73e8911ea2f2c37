"""A run that is killed, or ends, takes its JVM and all temporary files with it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.flink.harness import config_of, write_events
from tests.flink.killing import all_gone, at_work, flockwise, kill_when, of
from tests.oracle import SECOND, Event
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.flink

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


@pytest.mark.long
def test_a_preview_that_is_killed(config: Path, temporary: Path) -> None:
    assert flockwise(["run", str(config)], temporary).wait(PATIENCE_S) == 0
    words = ["segments", "preview", str(config)]
    process = flockwise(words, temporary)
    logs = "flockwise-*/preview-*/state/logs"
    kill_when(lambda: any(at_work(found) for found in temporary.glob(logs)), process)
    until(lambda: all_gone(temporary), "the preview to be gone")


@pytest.mark.long
def test_a_jvm_that_runs_out_of_memory_is_told_in_a_line(
    config: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JVM_ARGS", "-Xmx40m -XX:MaxDirectMemorySize=1g")
    assert flockwise(["run", str(config)], temporary).wait(PATIENCE_S) == 1
    until(lambda: all_gone(temporary), "Java to be gone")
    said = (temporary.parent / "said").read_text()
    assert said.splitlines()[-1].startswith("✗ Java ran out of memory (")
    assert said.endswith("so nothing was committed: --resume begins anew\n")
    assert "Traceback" not in said


def test_a_run_that_is_refused_leaves_nothing(config: Path, temporary: Path) -> None:
    (config.parent / "events.jsonl").unlink()
    assert flockwise(["run", str(config)], temporary).wait(PATIENCE_S) == 2
    until(lambda: all_gone(temporary), "Java to be gone")


@pytest.mark.long
def test_a_demo_that_is_killed(tmp_path: Path, temporary: Path) -> None:
    process = flockwise(["demo", "--dir", str(tmp_path / "demo"), "--users", "300"], temporary)
    kill_when(lambda: at_work(tmp_path / "demo" / "state" / "logs"), process)
    until(lambda: all_gone(temporary), "Java to be gone")
