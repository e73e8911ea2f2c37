"""Rules that change while the job runs ask for what nobody watched: it is looked at first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.jobs.segment import Start
from tests.stack.at_home import LiveJob
from tests.stack.live import LiveShop, at_work, kinds, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

RUNNER: Final = CliRunner()
EVER: Final = {"Ever": {"when": "views >= 1"}}
QUIET: Final = {**EVER, "Quiet": {"when": "views_2s = 0"}}
LATER: Final = {**QUIET, "Later": {"when": "views_3s = 0"}}
MORE: Final[dict[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "views_2s": {"count": "view", "window": "2s", "tile": "1s"},
        "views_3s": {"count": "view", "window": "3s", "tile": "1s"},
    },
    "segments": EVER,
}


def said(shop: LiveShop, command: str, *words: str) -> str:
    done = RUNNER.invoke(app, ["segments", command, str(shop.path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def entering(shop: LiveShop, segment: str) -> int:
    """How many would enter, by a preview."""
    told = map(json.loads, said(shop, "preview", "--json").splitlines())
    return next(int(each["enter"]) for each in told if each["segment"] == segment)


def moves(shop: LiveShop, segment: str) -> list[str]:
    return kinds([move for move in shop.transitions() if move.user == "ann"], segment)


def test_what_nobody_asked_for_is_looked_at_before_it_is_judged(kafka: str, tmp_path: Path) -> None:
    shop = LiveShop(kafka, "looks", tmp_path, MORE)
    with shop.at_home() as job:
        until(lambda: at_work(shop), job, "the job to work")
        shop.view("ann")
        until(lambda: moves(shop, "Ever") == ["enter"], job, "ann's view")
        applied(shop, job)
        job.stop()
    shop.configure(segments=LATER)
    said(shop, "apply", "--wait", "0")
    with shop.at_home(Start(resume=True)) as job:
        until(lambda: moves(shop, "Later") == ["enter"], job, "what was applied meanwhile")
        job.kill()
    assert moves(shop, "Ever") == ["enter"]


def applied(shop: LiveShop, job: LiveJob) -> None:
    """Nobody does anything, and no rule in force asks for the two seconds."""
    shop.configure(segments=QUIET)
    until(lambda: entering(shop, "Quiet") == 2, job, "a look that finds both of them quiet")
    assert moves(shop, "Quiet") == []
    said(shop, "apply")
    assert moves(shop, "Quiet") == ["enter"]
    shop.view("ann")
    until(lambda: len(moves(shop, "Quiet")) == 3, job, "the end of two seconds")
    assert moves(shop, "Quiet") == ["enter", "leave", "enter"]
