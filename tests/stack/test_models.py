"""Versions of a cluster model over the real Kafka: published by a live job, read while it runs."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from flink_job import kafka as kafka_
from flink_job.cli import app
from operators.clustering.record import model_decoder
from operators.errors import FlockwiseError
from tests.stack.asking import flockwise, kafka_config, pairs, write, write_config
from tests.stack.live import PATIENCE_S, LiveShop, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

MORE: Final[dict[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {"Ever": {"when": "views >= 1"}},
    "clusters": {"viewers": {"k": 2, "features": ["views"], "warm_start": 40}},
}


def listed(shop: LiveShop) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["clusters", "list", str(shop.path), "--json"])
    if isinstance(done.exception, FlockwiseError):
        assert "no version of a cluster model is published yet" in str(done.exception)
        return []
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def seen(shop: LiveShop) -> bool:
    """See some more views, of one user ever more; whether a version came of them."""
    for at in range(20):
        shop.view("regular" if at % 2 else f"visitor-{at}")
    return bool(listed(shop))


def test_a_live_job_publishes_versions_that_are_read_while_it_runs(
    kafka: str, tmp_path: Path
) -> None:
    shop = LiveShop(kafka, "clustered", tmp_path, MORE)
    assert listed(shop) == []
    with shop.running() as process:
        until(lambda: seen(shop), process, "the first version")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    ((key, value),) = pairs(kafka, shop.topics.models)
    (found,) = listed(shop)
    assert key == f"viewers/{found['version']}".encode()
    assert model_decoder.decode(value or b"").version == found["version"] == 1
    assert sum(cluster["share"] for cluster in found["clusters"]) == pytest.approx(1)
    picture = tmp_path / "clusters.html"
    shown = flockwise("clusters", "show", shop.path, "--html", picture)
    assert shown.returncode == 0, shown.stderr
    assert "views" in picture.read_text()

    # Of a transaction that was given up nothing is seen; a tombstone takes a version away.
    again = {**found, "version": 2, "at": "9999-01-01T00:00:00.000000Z"}
    write(kafka, shop.topics.models, [(b"viewers/2", json.dumps(again).encode())], commit=False)
    assert listed(shop) == [found]
    write(kafka, shop.topics.models, [(b"viewers/1", None)])
    assert listed(shop) == []


def test_before_the_first_run_and_without_clusters_that_is_said(kafka: str, tmp_path: Path) -> None:
    config = kafka_config(kafka, clusters={"v": {"k": 2, "features": ["views"]}})
    missing = flockwise("clusters", "list", write_config(tmp_path, config))
    assert missing.returncode == 1
    assert "no version of a cluster model is published yet" in missing.stderr
    without = flockwise("clusters", "show", write_config(tmp_path, kafka_config(kafka)))
    assert without.returncode == 2
    assert "clusters: this configuration has none" in without.stderr
    assert "Traceback" not in missing.stderr + without.stderr
    assert f"{config['name']}-models" not in kafka_.topics(kafka_.Broker(kafka))
