"""Versions of a cluster model as the job describes them, in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import check
from flink_job.connectors.committed import committed_files
from flink_job.plan import Plan
from flink_job.queries.models import published
from operators.clustering.record import model_decoder
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers

pytestmark = pytest.mark.flink

FEATURES: Final = {
    "views_10m": {"count": "view", "window": "10m"},
    "spend_1h": {"sum": "price", "of": "purchase", "window": "1h"},
    "shop": {"last": "shop", "one_hot": ["a", "b"]},
}


def test_a_bounded_run_describes_each_version_once(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", shoppers(seed=3, users=1_500, count=4_000, back_s=0))
    clusters = {"shoppers": {"k": 3, "features": list(FEATURES), "warm_start": 200}}
    config = config_of(FEATURES, {"Viewers": {"when": "views_10m > 3"}}, clusters=clusters)
    run = run_job(tmp_path, config)
    told = [
        model_decoder.decode(line).version
        for path in committed_files(run.folder / "models")
        for line in path.read_bytes().splitlines()
    ]
    assert sorted(told) == list(range(1, len(told) + 1))
    assert len(told) >= 2
    (history,) = published(Plan(check(config, "the test"), tmp_path)).values()
    assert [record.version for record in history] == sorted(told)
    newest = history[-1]
    assert sum(cluster.share for cluster in newest.clusters) == pytest.approx(1)
    assert set(newest.everyone) == {"views_10m", "spend_1h", "shop=a", "shop=b"}
    # The newest may be told of nobody: only who changes cluster is written again.
    judged_by = {each.clusters["shoppers"].model for each in run.assignments().values()}
    assert judged_by <= set(told)
    named = newest.clusters[0]
    listed = members(tmp_path, config, named.name.upper())
    assert listed.exit_code == 0
    there = {user for user, each in run.assignments().items() if each.cluster == named.id}
    assert {json.loads(line)["user"] for line in listed.stdout.splitlines()} == there
    unknown = members(tmp_path, config, "nobody at all")
    assert "none of the name 'nobody at all'; there are '" in str(unknown.exception)


def members(folder: Path, config: Mapping[str, Any], cluster: str) -> Result:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return CliRunner().invoke(app, ["members", str(path), "--cluster", cluster, "--json"])
