"""What other segments would come to, by a replay of the files that a run has read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from flink_job.cli import app
from operators.base.errors import UsageError
from tests.flink.harness import config_of, write_events
from tests.flink.minicluster import start_java
from tests.oracle import SECOND, Event

pytestmark = pytest.mark.flink

START = 1_790_000_000 * SECOND
FEATURES = {"views": {"count": "view", "window": "lifetime"}}


def done(*words: str) -> Result:
    found = CliRunner().invoke(app, list(words))
    assert found.exit_code == 0, found.output
    return found


def refused(*words: str) -> str:
    found = CliRunner().invoke(app, list(words))
    assert isinstance(found.exception, UsageError), found.output
    return str(found.exception)


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
    start_java(tmp_path / "logs")
    configure(config, {"Many": {"when": "views >= 2"}, "Gone": {"when": "views = 1"}})
    early = refused("segments", "preview", str(config))
    assert "there is nothing to compare with" in early
    done("run", str(config))
    before = sorted(path.name for path in tmp_path.iterdir())

    configure(config, {"Many": {"when": "views >= 3"}, "Few": {"when": "views < 3"}})
    asked = done("segments", "preview", str(config), "--json")
    counts = {told.pop("segment"): told for told in map(json.loads, asked.stdout.splitlines())}
    assert counts == {
        "Many": {"enter": 0, "leave": 1, "stay": 1},
        "Few": {"enter": 2, "leave": 0, "stay": 0},
        "Gone": {"enter": 0, "leave": 1, "stay": 0},
    }
    # Just one: the others are as they were in the last run.
    one = done("segments", "preview", str(config), "--only", "Few", "--json")
    counts = {told.pop("segment"): told for told in map(json.loads, one.stdout.splitlines())}
    assert counts == {
        "Many": {"enter": 0, "leave": 0, "stay": 2},
        "Few": {"enter": 2, "leave": 0, "stay": 0},
        "Gone": {"enter": 0, "leave": 0, "stay": 1},
    }
    wrong = refused("segments", "preview", str(config), "--only", "Fwe")
    assert "there is no segment 'Fwe', did you mean 'Few'?" in wrong
    # It has left nothing, and the run is as it was.
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert "has ended" in refused("run", str(config))
