"""Conditions that can never hold, as users are forgotten before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.forgetting import doubts
from flink_job.config.load import check

CONFIG: dict[str, Any] = {
    "source": {"kafka": {"bootstrap": "localhost:9092", "topic": "events"}},
    "output": {"folder": "changelog"},
    "features": {
        "idle": {"since": "any", "unit": "days"},
        "since_cart": {"since": "cart", "unit": "days"},
        "since_dear": {"since": "any", "where": "price > 100", "unit": "days"},
        "known": {"since_first": "any", "unit": "days"},
        "away": {"returned_after": "session", "unit": "days"},
    },
    "run": {"forget_after": "30d"},
}
WHY = "never holds: users are forgotten after 30d without events (run.forget_after)"


def told(when: str, **changes: Any) -> list[str]:
    config = check({**CONFIG, "segments": {"Late": {"when": when}}, **changes}, "the test")
    return [str(doubt) for doubt in doubts(config, config.segments)]


@pytest.mark.parametrize("when", ["idle > 31", "away >= 40 AND known > 3"])
def test_what_never_holds_is_told(when: str) -> None:
    atom = when.partition(" AND")[0]
    assert told(when) == [f"segments.Late.when: {atom} {WHY}"]


@pytest.mark.parametrize(
    "when",
    [
        "idle > 29",
        "idle > 30",  # users are forgotten in steps of a hundredth
        "since_cart > 31",  # other events keep the user
        "since_dear > 31",
        "known > 31",
        "idle > 31 OR known > 31",
    ],
)
def test_what_may_hold_is_not(when: str) -> None:
    assert told(when) == []


def test_who_is_never_forgotten_may_be_away_for_long() -> None:
    assert told("idle > 31", run={}) == []


def test_with_ids_of_sessions_who_came_back_need_not_have_been_away() -> None:
    assert told("away > 31", events={"session": "visit"}) == []


def test_validate_warns(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    segments = {"Asleep": {"when": "known > 3", "leave_when": "idle > 90"}}
    path.write_text(yaml.safe_dump({**CONFIG, "segments": segments}))
    done = CliRunner().invoke(app, ["validate", str(path)])
    assert done.exit_code == 0
    assert f"segments.Asleep.leave_when: idle > 90 {WHY}" in done.output
