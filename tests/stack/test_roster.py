"""A roster in a topic of the real Kafka: people come in as their records do, exactly once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from flink_job.jobs.segment import Start
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from tests.flink.harness import run_job
from tests.stack.asking import here, kafka_config, new_name, write
from tests.stack.live import LiveShop, at_work, kinds_of, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

MORE: Final[dict[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "plan": {"last": "plan"},
    },
    "segments": {
        "Never Looked": {"when": "views = 0"},
        "Pro": {"when": "plan = 'pro'"},
        "Ever": {"when": "views >= 1"},
    },
}


def record(user: str, plan: str | None) -> tuple[bytes, bytes]:
    return user.encode(), json.dumps({"id": user, "plan": plan}).encode()


def test_people_come_in_from_a_topic_and_once(kafka: str, tmp_path: Path) -> None:
    shop, users = LiveShop(kafka, new_name("roster"), tmp_path, MORE), new_name("users")
    with shop.at_home() as job:  # the roster comes to a job that has begun without one
        until(lambda: at_work(shop), job, "the job to work")
        job.stop()
    shop.configure(roster={"topic": users, "user": "id"})
    kafka_client.make_topic(Broker(kafka), users, 2)
    people = tmp_path / "users.csv"
    people.write_text("id,plan\nann,pro\nbob,free\n")
    loaded = here("load", people, "--config", shop.path, "--roster")
    assert loaded.returncode == 0, loaded.stderr
    assert f"2 events sent to '{users}'" in loaded.stderr
    with shop.at_home(Start(resume=True)) as job:
        until(lambda: kinds_of(shop, "bob", "Never Looked") == ["enter"], job, "bob to be known")
        until(lambda: kinds_of(shop, "ann", "Pro") == ["enter"], job, "ann's plan to be known")
        write(kafka, users, [record("bob", "pro"), record("ann", None), (b"cay", b"no JSON")])
        until(lambda: kinds_of(shop, "bob", "Pro") == ["enter"], job, "bob's new plan")
        shop.view("ann", plan="free")  # an event is newer than any roster
        until(lambda: kinds_of(shop, "ann", "Pro") == ["enter", "leave"], job, "ann's own plan")
        write(kafka, users, [record("ann", "pro"), record("dee", None)])
        until(lambda: kinds_of(shop, "dee", "Never Looked") == ["enter"], job, "dee to be known")
        job.stop()
    with shop.at_home(Start(resume=True)) as job:
        write(kafka, users, [record("eve", "pro")])
        until(lambda: kinds_of(shop, "eve", "Pro") == ["enter"], job, "eve to be known")
        job.stop()
    shop.configure(roster=None)
    refused = here("run", shop.path, "--resume")
    assert refused.returncode == 2
    assert f"roster.topic: expected {users}, with which the run was started" in refused.stderr
    assert kinds_of(shop, "ann", "Pro") == ["enter", "leave"]
    assert kinds_of(shop, "ann", "Never Looked") == ["enter", "leave"]
    assert kinds_of(shop, "bob", "Never Looked") == ["enter"]
    assert kinds_of(shop, "dee", "Never Looked") == ["enter"]
    replayed = here("deadletters", shop.path, "replay", "--json")
    assert json.loads(replayed.stdout)["held"] == {"bad_roster": 1}
    words = ("replay", "--reason", "bad_roster", "--to", tmp_path / "mended.jsonl")
    assert here("deadletters", shop.path, *words).returncode == 0
    assert (tmp_path / "mended.jsonl").read_text() == "no JSON\n"
    assert [(each.reason, each.raw) for each in shop.dead_letters()] == [("bad_roster", "no JSON")]


def test_a_bounded_topic_without_keys_has_a_roster_too(kafka: str, tmp_path: Path) -> None:
    made, users, events = kafka_config(kafka, **MORE), new_name("users"), new_name("events")
    made["source"]["kafka"] |= {"topic": events, "bounded": True}
    made |= {"roster": {"topic": users, "user": ["id", "key"]}, "output": {"folder": "out"}}
    made["events"] = {**MORE["events"], "key": "none"}
    made["run"] = {"state": "state", "lanes": 2, "as_of": "2026-03-02T00:00:00Z"}
    at_ms = 1_772_359_200_000
    view = {"user_id": "ann", "event_time": at_ms, "event_type": "view", "id": "bob", "plan": "x"}
    write(kafka, events, [(None, json.dumps(view).encode())])
    people = [{"id": "ann", "plan": "pro"}, {"key": "cay", "plan": "pro"}, {"plan": "pro"}]
    write(kafka, users, [(None, json.dumps(each).encode()) for each in people])
    run = run_job(tmp_path, made)
    members = {user: set(found.segments) for user, found in run.assignments().items()}
    assert members == {"ann": {"Ever"}, "cay": {"Never Looked", "Pro"}}
    assert [letter.reason for letter in run.dead_letters()] == ["bad_roster"]
    assert run.outcome.totals == {
        "records": 4,
        "events_applied": 1,
        "people": 2,
        "dead_letters": 1,
        "duplicates": 0,
    }
