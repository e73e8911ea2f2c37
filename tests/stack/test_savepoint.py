"""A savepoint of an earlier version of the code, which every later one goes on from.

`savepoints/0.1.0` was made by the code before its modules were moved into rooms: what the job had
read, what it was told, its savepoint and note, and what it last said of each user.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from math import isclose
from pathlib import Path
from typing import Final

import msgspec
import pytest
import yaml
from kafka import KafkaProducer

from flink_job.jobs.segment import Start
from operators.contracts.records import Assignment
from tests.stack.live import LiveShop, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

MADE: Final = Path(__file__).parent / "savepoints" / "0.1.0"
USERS: Final = ("ann", "bob", "cay", "dan", "eve")
# What another event, of no type that counts, and the time since then leave as it was.
KEPT: Final = (
    *("views", "views_100y", "spend", "spend_mean", "spend_least", "spend_most"),
    *("spend_median", "spend_p90", "device", "first_device", "last_price"),
    *("kinds", "kinds_100y", "kind_most", "hour", "open_carts", "funnel", "funnel_minutes"),
)


def test_a_savepoint_of_before_is_gone_on_from(kafka: str, tmp_path: Path) -> None:
    expected = msgspec.json.decode(
        (MADE / "expected.json").read_bytes(), type=dict[str, Assignment]
    )
    shop = shop_of_before(kafka, tmp_path)
    with shop.at_home(Start(resume=True)) as job:
        for user in USERS:
            shop.view(user, event_type="done", event_id=f"{user} is done again")
        until(lambda: twice(shop) >= set(USERS), job, "everyone's next event")
        job.stop()
    found = {each.user: each for each in shop.assignments() if "Done twice" in each.segments}
    for user in USERS:
        before, now = expected[user], found[user]
        assert now.version > before.version
        assert set(now.segments) == {*before.segments, "Done twice"}
        assert now.held_out == before.held_out
        assert {name: now.since[name] for name in before.segments} == before.since
        assert now.cluster == before.cluster
        for name in KEPT:
            assert now.features[name] == before.features[name], (user, name)
        assert set(listed(now)) == set(listed(before))
        assert now.features["done"] == 2
        assert number(now, "sessions") >= number(before, "sessions")
        assert isclose(number(now, "decayed"), number(before, "decayed"), rel_tol=0.5)
        for age in ("since_buy", "since_first", "since_device"):
            if before.features[age] is not None:
                assert number(now, age) > number(before, age)
    # Nobody enters what they were in: the transitions tell of nothing but this.
    assert {(t.segment, t.kind) for t in shop.transitions()} == {("Done twice", "enter")}


def twice(shop: LiveShop) -> set[str]:
    return {each.user for each in shop.assignments() if "Done twice" in each.segments}


def number(found: Assignment, feature: str) -> float:
    value = found.features[feature]
    assert isinstance(value, float)
    return value


def listed(found: Assignment) -> list[str]:
    value = found.features["kind_list"]
    assert isinstance(value, list)
    return value


def shop_of_before(kafka: str, folder: Path) -> LiveShop:
    """The job as it was left: its topics, its note, its savepoint."""
    more = yaml.safe_load((MADE / "more.yaml").read_text())
    shop = LiveShop(kafka, "savepoint", folder, more)
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for line in (MADE / "events.jsonl").read_text().splitlines():
            partition, _, key, value = json.loads(line)
            producer.send(
                "savepoint-events", key=key.encode(), value=value.encode(), partition=partition
            )
        for message in (MADE / "control.jsonl").read_text().splitlines():
            producer.send("savepoint-control", value=message.encode())
    state = folder / "state"
    shutil.copytree(MADE / "savepoint", state / "savepoints" / "savepoint-of-before")
    shutil.copy(MADE / "run.json", state)
    return shop
