"""What other segments would come to, by a replay of the files that a run has read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flink.harness import config_of, write_events
from tests.oracle import SECOND, Event

pytestmark = pytest.mark.flink

START = 1_790_000_000 * SECOND
FEATURES = {"views": {"count": "view", "window": "lifetime"}}


def flockwise(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flink_job", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def configure(path: Path, segments: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(config_of(FEATURES, segments)))


def test_a_replay_says_who_would_enter_and_leave(tmp_path: Path) -> None:
    views = {"ann": 1, "bob": 2, "cat": 5}
    write_events(
        tmp_path / "events.jsonl",
        [
            Event(user, START + number * SECOND, "view")
            for user, count in views.items()
            for number in range(count)
        ],
    )
    config = tmp_path / "shop.yaml"
    configure(config, {"Many": {"when": "views >= 2"}, "Gone": {"when": "views = 1"}})
    early = flockwise("segments", "preview", str(config))
    assert early.returncode == 2
    assert "there is nothing to compare with" in early.stderr
    done = flockwise("run", str(config))
    assert done.returncode == 0, done.stderr
    before = sorted(path.name for path in tmp_path.iterdir())

    configure(config, {"Many": {"when": "views >= 3"}, "Few": {"when": "views < 3"}})
    asked = flockwise("segments", "preview", str(config), "--json")
    assert asked.returncode == 0, asked.stderr
    counts = {told.pop("segment"): told for told in map(json.loads, asked.stdout.splitlines())}
    assert counts == {
        "Many": {"enter": 0, "leave": 1, "stay": 1},
        "Few": {"enter": 2, "leave": 0, "stay": 0},
        "Gone": {"enter": 0, "leave": 1, "stay": 0},
    }
    # Just one: the others are as they were in the last run.
    one = flockwise("segments", "preview", str(config), "--only", "Few", "--json")
    assert one.returncode == 0, one.stderr
    counts = {told.pop("segment"): told for told in map(json.loads, one.stdout.splitlines())}
    assert counts == {
        "Many": {"enter": 0, "leave": 0, "stay": 2},
        "Few": {"enter": 2, "leave": 0, "stay": 0},
        "Gone": {"enter": 0, "leave": 0, "stay": 1},
    }
    wrong = flockwise("segments", "preview", str(config), "--only", "Fwe")
    assert wrong.returncode == 2
    assert "there is no segment 'Fwe', did you mean 'Few'?" in wrong.stderr
    # It has left nothing, and the run is as it was.
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert "has ended" in " ".join(flockwise("run", str(config)).stderr.split())
