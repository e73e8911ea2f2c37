"""Outcomes that were published to a topic of a real broker, as the audit reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from kafka import KafkaProducer
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.cli.run import plan_of
from flink_job.kafka_client.topics import make_topics
from flink_job.queries.outcomes import published_outcomes
from operators.base.errors import FlockwiseError
from operators.contracts.outcomes import CohortOutcomes, OutcomeRecord
from operators.contracts.records import encode
from tests.unit.audit_records import cohort, of_users

pytestmark = pytest.mark.stack


def configured(kafka: str, folder: Path) -> Path:
    """A configuration that measures, over topics of its own."""
    name = f"shop-{uuid4().hex}"
    topics = ("assignments", "transitions", "dead_letters")
    config: dict[str, Any] = {
        "name": name,
        "source": {"kafka": {"bootstrap": kafka, "topic": f"{name}-events"}},
        "output": {"kafka": {"bootstrap": kafka, **{each: f"{name}-{each}" for each in topics}}},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {"A": {"when": "views > 3"}},
        "outcomes": {"purchase": {"event": "purchase", "value": "price"}},
    }
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_newest_of_each_key_is_read_from_a_topic(kafka: str, tmp_path: Path) -> None:
    path = configured(kafka, tmp_path)
    plan = plan_of(path)
    with pytest.raises(FlockwiseError, match="nothing is published of outcomes yet"):
        published_outcomes(plan)
    broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
    assert broker is not None
    assert topics.outcomes == f"{plan.config.name}-outcomes"
    make_topics(broker, topics, steered=True)
    rest = of_users(5_000, 250)
    old = cohort("A", of_users(100, 5), rest, version=1)
    new = cohort("A", of_users(1_000, 200), rest, version=2)
    gone = CohortOutcomes(name="B", series="s", cohort="2026-11-02", version=2, gone=True)
    said: list[tuple[str, OutcomeRecord | None]] = [
        *(("a", old), ("b", cohort("B", of_users(9, 1), rest, series="s", version=1))),
        *(("a", new), ("b", gone), ("b", None)),
    ]
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        for key, record in said:
            value = None if record is None else encode(record)
            producer.send(topics.outcomes, key=key.encode(), value=value)
    assert published_outcomes(plan) == [new]
    told = CliRunner().invoke(app, ["segments", "audit", str(path)])
    assert told.exit_code == 0, told.output
    assert "+15.00 points" in told.stdout
