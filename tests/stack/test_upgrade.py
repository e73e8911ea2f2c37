"""Features that change between a savepoint and the next run, with real savepoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.jobs.segment import Start
from operators.contracts.records import Assignment
from tests.stack.live import LiveShop, at_work, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

RUNNER: Final = CliRunner()

BEFORE: Final[dict[str, Any]] = {
    "dropped": {"count": "view", "window": "30m"},
    "views": {"count": "view", "window": "lifetime"},
    "views_1h": {"count": "view", "window": "1h"},
    "kinds": {"distinct": "kind", "window": "lifetime"},
    "anew": {"count": "view", "window": "lifetime"},
}
# In another order, and one under its old name with another definition.
AFTER: Final[dict[str, Any]] = {
    "kinds": BEFORE["kinds"],
    "added": {"count": "view", "window": "1h"},
    "anew": {"count": "any", "window": "lifetime"},
    "views": BEFORE["views"],
    "views_1h": BEFORE["views_1h"],
}


def segments(*thresholds: int) -> dict[str, Any]:
    """A segment for each number of views, so that every view changes something."""
    return {f"{n} views": {"when": f"views >= {n}"} for n in thresholds}


def clusters(*features: str) -> dict[str, Any]:
    """A model that is there after some events."""
    return {"shoppers": {"k": 2, "features": list(features), "warm_start": 4}}


@pytest.mark.parametrize("backend", [pytest.param("heap", marks=pytest.mark.soak), "rocksdb"])
def test_features_that_are_kept_keep_their_state(kafka: str, tmp_path: Path, backend: str) -> None:
    more = {
        "events": {"time_unit": "ms", "max_skew": "1m"},
        "features": BEFORE,
        "segments": segments(1, 2, 3),
        "clusters": clusters("dropped", "views"),
        "run": {"state": "state", "lanes": 4, "backend": backend},
    }
    shop = LiveShop(kafka, f"upgrade-{backend}", tmp_path, more)
    with shop.at_home() as job:
        until(lambda: at_work(shop), job, "the job to work")
        for kind in ("a", "b", "a"):
            shop.view("ann", kind=kind)
        until(lambda: "3 views" in newest(shop, "ann").segments, job, "ann's views")
        job.stop()
    (first,) = set(since(shop).values())
    assert newest(shop, "ann").features == {
        **{"dropped": 3, "views": 3, "views_1h": 3, "kinds": 2, "anew": 3}
    }

    shop.configure(
        features=AFTER,
        segments={**segments(2, 3, 4), "New": {"when": "added >= 1"}},
        clusters=clusters("added"),
    )
    with shop.at_home(Start(resume=True, apply=True)) as job:
        # Whoever is idle is judged by the new segments, over features that begin empty.
        until(lambda: "1 views" not in newest(shop, "ann").segments, job, "the new segments")
        idle = newest(shop, "ann")
        assert idle.segments == ["2 views", "3 views"]
        assert idle.features == {"kinds": 2, "added": 0, "anew": 0, "views": 3, "views_1h": 3}
        shop.view("ann", kind="c")
        until(lambda: "New" in newest(shop, "ann").segments, job, "ann's next view")
        job.stop()
    counting = since(shop)
    assert counting["views"] == counting["views_1h"] == counting["kinds"] == first
    assert counting["added"] == counting["anew"] > first
    active = newest(shop, "ann")
    assert active.segments == ["2 views", "3 views", "4 views", "New"]
    assert active.features == {"kinds": 3, "added": 1, "anew": 1, "views": 4, "views_1h": 4}
    assert active.since["2 views"] == newest_of(shop, "ann", 2).since["2 views"]


def since(shop: LiveShop) -> dict[str, str]:
    """Since when each feature counts, as `flockwise features` says."""
    done = RUNNER.invoke(app, ["features", str(shop.path), "--since", "--json"])
    assert done.exit_code == 0, done.output
    return {told["name"]: told["since"] for told in map(json.loads, done.stdout.splitlines())}


def newest(shop: LiveShop, user: str) -> Assignment:
    """The newest assignment of a user; without segments before there is one."""
    found = [each for each in shop.assignments() if each.user == user]
    return max(found, key=lambda each: each.version, default=Assignment(user, 0, "", []))


def newest_of(shop: LiveShop, user: str, views: int) -> Assignment:
    """The first assignment with so many views."""
    own = [each for each in shop.assignments() if each.user == user]
    found = [each for each in own if f"{views} views" in each.segments]
    return min(found, key=lambda each: each.version)
