"""Versions of cluster models as the job describes them: each once, and as the command line reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import check
from flink_job.models import published
from flink_job.plan import Plan
from operators.clustering.record import model_decoder
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.test_replay import shoppers

pytestmark = pytest.mark.flink

FEATURES: Final = {
    "views_10m": {"count": "view", "window": "10m"},
    "spend_1h": {"sum": "price", "of": "purchase", "window": "1h"},
    "shop": {"last": "shop", "one_hot": ["a", "b"]},
}
CLUSTERS: Final = {"shoppers": {"k": 3, "features": list(FEATURES), "warm_start": 200}}


def config() -> dict[str, Any]:
    return config_of(FEATURES, {"Viewers": {"when": "views_10m > 3"}}, clusters=CLUSTERS)


def test_a_bounded_run_describes_each_version_once(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", shoppers(seed=3, users=60, count=3_000, back_s=0))
    run = run_job(tmp_path, config())
    lines = [
        line
        for path in (run.folder / "models").iterdir()
        if not path.name.startswith((".", "_"))
        for line in path.read_bytes().splitlines()
    ]
    told = sorted(model_decoder.decode(line).version for line in lines)
    assert told == list(range(1, len(told) + 1))
    assert len(told) > 2
    (history,) = published(Plan(check(config(), "the test"), tmp_path)).values()
    assert [record.version for record in history] == told
    newest = history[-1]
    assert sum(cluster.share for cluster in newest.clusters) == pytest.approx(1)
    assert set(newest.everyone) == {"views_10m", "spend_1h", "shop=a", "shop=b"}
    judged = {each.model for each in run.assignments().values()}
    assert newest.version in judged


def shown(path: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["clusters", *words[:1], str(path), *words[1:]])
    assert done.exit_code == 0, done.output
    return done.stdout
