"""Runs that judge by the models of the whole history: the same, however they are run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest
from kafka import KafkaProducer

from flink_job.config.load import check
from flink_job.connectors.committed import committed_files
from flink_job.jobs.segment import Start
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.client import make_topic
from flink_job.plan import Plan
from operators.base.errors import ConfigError
from operators.base.moments import iso_at
from operators.clustering.record import ModelRecord
from operators.contracts.records import Transition, encode
from tests.flink.harness import Run, config_of, row_of, run_job, write_events
from tests.flink.shoppers import shoppers
from tests.oracle import Event

pytestmark = pytest.mark.flink

FEATURES: Final[dict[str, Any]] = {
    "views": {"count": "view", "window": "lifetime"},
    "carts": {"count": "cart", "window": "1h"},
    "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    "since_any": {"since": "any", "unit": "minutes"},
    "shop": {"last": "shop", "one_hot": ["a", "b", "c"]},
}
CLUSTERS: Final[dict[str, Any]] = {
    "habits": {"k": 3, "features": ["views", "carts", "since_any", "shop"], "warm_start": 20},
    "money": {"k": "auto", "features": ["spend"], "warm_start": 30},
}
SEGMENTS: Final = {
    **{f"{name} {id_}": {"when": f"cluster_{name} = {id_}"} for name in CLUSTERS for id_ in (0, 1)},
    "Settled": {"when": "cluster = 1 AND carts = 0", "min_dwell": "20m"},
    "Buyers": {"when": "spend > 100"},
}


def final(run_spec: dict[str, Any], files: Sequence[str] = ("events.jsonl",)) -> dict[str, Any]:
    run = {"state": "state", "models": "final", **run_spec}
    return config_of(FEATURES, SEGMENTS, files, clusters=CLUSTERS, run=run)


def shuffled(events: list[Event]) -> list[Event]:
    """Users mixed otherwise, each one's events in their order."""
    queues = {
        user: iter([e for e in events if e.user == user]) for user in {e.user for e in events}
    }
    turns = [event.user for event in events]
    Random(3).shuffle(turns)
    return [next(queues[user]) for user in turns]


def told(run: Run) -> dict[str, list[bytes]]:
    found: dict[str, list[Transition]] = {}
    for move in run.transitions():
        found.setdefault(move.user, []).append(move)
    return {
        user: [
            encode(msgspec.structs.replace(move, version=0))
            for move in sorted(own, key=lambda move: move.version)
        ]
        for user, own in found.items()
    }


def models(run: Run) -> list[bytes]:
    decode = msgspec.json.Decoder(ModelRecord).decode_lines
    records = [
        x for path in committed_files(run.folder / "models") for x in decode(path.read_bytes())
    ]
    return sorted(encode(msgspec.structs.replace(record, at="")) for record in records)


def test_nothing_but_the_events_of_users_decides(tmp_path: Path) -> None:
    events = shoppers(seed=5, users=70, count=1_500, back_s=0)
    runs = []
    for number, (order, run_spec) in enumerate(
        [
            (events, {"lanes": 4, "parallelism": 1, "batch": "500ms"}),
            (shuffled(events), {"lanes": 16, "parallelism": 2, "batch": "20ms"}),
        ]
    ):
        base = tmp_path / str(number)
        base.mkdir()
        write_events(base / "events.jsonl", order)
        runs.append(run_job(base, final(run_spec)))
    one, other = runs
    assert models(one) == models(other)
    assert len(models(one)) == len(CLUSTERS)
    assert told(one) == told(other)
    assert {move.segment for move in one.transitions()} >= {"habits 0", "money 1", "Settled"}
    last = [
        {user: msgspec.structs.replace(x, version=0) for user, x in run.assignments().items()}
        for run in runs
    ]
    assert last[0] == last[1]
    assert all(each.model == 1 for x in last[0].values() for each in x.clusters.values())
    # Everyone has a cluster from the first evaluation on, long before the models were there.
    first = {move.user: move.at for move in reversed(one.transitions())}
    by_cluster = [move for move in one.transitions() if "cluster" in str(move.why)]
    assert min(move.at for move in by_cluster) == min(first.values())


@pytest.mark.stack
def test_a_topic_that_is_read_to_its_end_is_as_a_file(kafka: str, tmp_path: Path) -> None:
    events = shoppers(seed=5, users=40, count=600, back_s=0)
    as_of = iso_at(max(event.time for event in events))
    write_events(tmp_path / "events.jsonl", events)
    file = run_job(tmp_path, final({"lanes": 4, "as_of": as_of}))

    topic = "final-models"
    make_topic(Broker(kafka), topic, 3)
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for event in events:
            value = msgspec.json.encode(row_of(event))
            producer.send(topic, value, key=event.user.encode())
    source = {"bootstrap": kafka, "topic": topic, "bounded": True}
    config = final({"lanes": 4, "as_of": as_of, "state": "other", "clock": "event"})
    config |= {"source": {"kafka": source}, "output": {"folder": "other/out"}}
    read = run_job(tmp_path, config)
    assert len(models(read)) == len(CLUSTERS)
    assert (models(read), told(read)) == (models(file), told(file))


def test_what_was_learned_is_kept_for_a_run_that_is_resumed(tmp_path: Path) -> None:
    events = shoppers(seed=5, users=30, count=300, back_s=0)
    write_events(tmp_path / "events.jsonl", events)
    config = final({"lanes": 4})
    ended = run_job(tmp_path, config)
    plan = Plan(check(config, "the test"), tmp_path)
    noted = plan.folder.learning.note()
    assert noted is not None
    assert noted.ended
    assert run_job(tmp_path, config, start=Start(resume=True)).outcome == ended.outcome


def test_only_a_run_that_ends_has_final_models() -> None:
    config = final({})
    config["source"] = {"kafka": {"bootstrap": "localhost:9092", "topic": "events"}}
    with pytest.raises(ConfigError, match=r"run\.models: only a bounded run has final cluster"):
        check(config, "the test")
