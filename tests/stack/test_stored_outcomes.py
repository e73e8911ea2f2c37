"""What segments are worth, from a live job into Cassandra, by an `upsert` that knew none before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from flink_job.kafka_client.reading import read_to_end
from flink_job.kafka_client.topics import make_topics
from flink_job.stack import CassandraAccess
from flink_job.stores.base import Store
from operators.contracts.outcomes import DayOutcomes, OutcomeRecord, outcome_decoder
from operators.contracts.records import encode
from tests.stack.live import RUN, LiveShop, stopped, until
from tests.stack.servers import cassandra_store

pytestmark = [pytest.mark.stack, pytest.mark.flink]

USERS: Final = ("ann", "bob", "cay")
MEASURED: Final = {
    "conversion": {"event": "purchase", "value": "price"},
    "funnel": ["view", "purchase"],
    "cohorts": "day",
}


@pytest.fixture
def shop(kafka: str, tmp_path: Path) -> LiveShop:
    more = {
        "events": {"time_unit": "ms"},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {"Lookers": {"when": "views >= 2"}, "Seen": {"when": "views >= 1"}},
        "outcomes": MEASURED,
        "run": RUN,
    }
    made = LiveShop(kafka, "worth", tmp_path, more)
    topics = replace(made.topics, outcomes=f"{made.name}-outcomes")
    make_topics(made.broker, topics, steered=True)
    return made


@pytest.fixture
def store(own_keyspace: CassandraAccess) -> Iterator[Store]:
    with closing(cassandra_store(own_keyspace)) as opened:
        yield opened


def test_outcomes_are_in_the_store_whatever_befell_upsert(
    shop: LiveShop,
    store: Store,
    own_keyspace: CassandraAccess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CASSANDRA_PASSWORD", own_keyspace.login().password)
    with shop.running() as run:
        buy(shop, 1)
        until(lambda: sales(published(shop)) == len(USERS), run, "the first sales to be told")

        shop.configure(store=spec_of(own_keyspace))
        leave_out_outcomes(shop)
        with shop.upserting() as upsert:
            until(lambda: stored(store) == set(USERS), upsert, "upsert to write users")
            stopped(upsert)
        assert not list(store.outcomes())

        shop.configure()
        with shop.upserting() as upsert:
            until(lambda: sales(store.outcomes()) > 0, upsert, "upsert to go on, with outcomes")
            buy(shop, 2)
            upsert.kill()
        until(lambda: sales(published(shop)) == 2 * len(USERS), run, "more sales to be told")
        with shop.upserting() as upsert:
            until(lambda: same(shop, store), upsert, "the store to converge")
            stopped(upsert)
        stopped(run)
    assert same(shop, store)
    told = {(t.user, t.segment, t.version) for t in shop.transitions()}
    assert {(t.user, t.segment, t.version) for t in store.all_transitions()} == told


def leave_out_outcomes(shop: LiveShop) -> None:
    """Write the configuration without them, until it is written again."""
    config = yaml.safe_load(shop.path.read_text())
    del config["outcomes"]
    shop.path.write_text(yaml.safe_dump(config))


def spec_of(access: CassandraAccess) -> dict[str, Any]:
    """The `store` of a configuration."""
    return {
        **{"kind": "cassandra", "hosts": [access.host], "port": access.port},
        **{"user": access.user, "password": "${CASSANDRA_PASSWORD}"},
        "keyspace": access.keyspace,
    }


def buy(shop: LiveShop, price: int) -> None:
    """Everyone views twice and buys."""
    for user in USERS:
        shop.view(user)
        shop.view(user)
        event: dict[str, Any] = {"user_id": user, "event_type": "purchase", "price": price}
        event["event_time"] = int(time.time() * 1_000)
        shop.send(user, json.dumps(event).encode())


def published(shop: LiveShop) -> list[OutcomeRecord]:
    """The last record of each key of the topic."""
    last: dict[bytes | None, bytes | None] = {}
    for record in read_to_end(shop.broker, [f"{shop.name}-outcomes"]):
        last[record.key] = record.value
    return [outcome_decoder.decode(value) for value in last.values() if value is not None]


def sales(records: Iterable[OutcomeRecord]) -> int:
    """How many purchases the days of a segment have, of members and others."""
    days = [each for each in records if isinstance(each, DayOutcomes) and each.name == "Seen"]
    groups = [group for day in days for group in (day.members, day.others)]
    return sum(group.conversions.get("conversion", 0) for group in groups)


def same(shop: LiveShop, store: Store) -> bool:
    return set(map(encode, store.outcomes())) == set(map(encode, published(shop)))


def stored(store: Store) -> set[str]:
    return {assignment.user for assignment in store.assignments()}
