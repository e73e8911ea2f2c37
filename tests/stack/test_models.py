"""Versions of a cluster model over the real Kafka: published by a live job, read while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.jobs.segment import Start
from flink_job.kafka_client import client as kafka_
from operators.base.errors import FlockwiseError
from operators.clustering.record import model_decoder
from operators.contracts.records import Assignment
from tests.stack.asking import flockwise, kafka_config, pairs, write, write_config
from tests.stack.live import LiveShop, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

FEATURES: Final = {"views": {"count": "view", "window": "lifetime"}}
MORE: Final[dict[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": FEATURES,
    "segments": {"Ever": {"when": "views >= 1"}},
    "clusters": {"viewers": {"k": 2, "features": ["views"], "warm_start": 40}},
}
OTHER: Final = {"other": {"k": 2, "features": ["views", "any_1h"], "warm_start": 11}}
VISITORS: Final = {"regular", *(f"visitor-{at}" for at in range(0, 20, 2))}


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


@pytest.fixture(scope="module")
def shop(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> LiveShop:
    """A live job that was stopped after its first version."""
    made = LiveShop(kafka, "clustered", tmp_path_factory.mktemp("clustered"), MORE)
    assert listed(made) == []
    with made.at_home() as job:
        until(lambda: seen(made), job, "the first version")
        until(lambda: set(clusters(made)) >= VISITORS, job, "everyone's cluster")
        job.stop()
    return made


def clusters(shop: LiveShop) -> dict[str, dict[str, int]]:
    """Everyone's clusters by model, as they were published last."""
    found: dict[str, Assignment] = {}
    for told in shop.assignments():
        if told.user not in found or found[told.user].version < told.version:
            found[told.user] = told
    return {
        user: {model: own.cluster for model, own in told.clusters.items()}
        for user, told in found.items()
    }


def test_versions_are_read_as_the_job_published_them(
    shop: LiveShop, kafka: str, tmp_path: Path
) -> None:
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


def test_models_that_come_and_go_do_so_for_idle_users_too(shop: LiveShop) -> None:
    """While nobody acts a new model learns from all, and of one that is gone all are told."""
    shop.configure(features=FEATURES | {"any_1h": {"count": "any", "window": "1h"}})
    go_on_with(shop, OTHER)


@pytest.mark.soak
def test_a_model_that_comes_back_has_its_clusters(shop: LiveShop) -> None:
    shop.configure(features=FEATURES | {"any_1h": {"count": "any", "window": "1h"}})
    go_on_with(shop, MORE["clusters"])
    before = clusters(shop)
    go_on_with(shop, OTHER)
    go_on_with(shop, OTHER | MORE["clusters"])
    go_on_with(shop, MORE["clusters"])
    assert clusters(shop) == before


def counted(shop: LiveShop) -> int | None:
    """How many users `flockwise segments list` shows; None while the job has not told."""
    done = CliRunner().invoke(app, ["segments", "list", str(shop.path), "--json"])
    assert done.exit_code == 0, done.output
    users: int | None = json.loads(done.stdout)["progress"]["users"]
    return users


def go_on_with(shop: LiveShop, models: Mapping[str, Any]) -> None:
    """Run the job until everyone is told of these models, and no others."""

    def told() -> bool:
        return all(set(own) == set(models) for own in clusters(shop).values())

    shop.configure(clusters=dict(models))
    with shop.at_home(Start(resume=True)) as job:
        # Nobody acts and nothing is applied: who is there is told because the job was started.
        until(lambda: counted(shop) is not None, job, "the count of users")
        assert counted(shop) == len(clusters(shop))
        until(told, job, f"everyone's clusters in {list(models)}")
        job.stop()


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
