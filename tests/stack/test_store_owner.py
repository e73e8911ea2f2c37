"""A store belongs to one job, whichever kind of store it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flink_job.config.store import SqliteSpec
from flink_job.stores.base import Store, StoreOwner
from flink_job.stores.opening import open_store
from flink_job.stores.owned import OwnedStore
from flink_job.stores.owning import own
from operators.base.errors import JobError, UsageError
from operators.contracts.records import Assignment
from tests.stack.servers import cassandra_store

SHOP = StoreOwner("shop", "topic shop-assignments of the Kafka one", "2026-01-01T00:00:00Z")
LATER = StoreOwner("shop", SHOP.changelog, "2026-01-02T00:00:00Z")
ELSEWHERE = StoreOwner("shop", "topic shop-assignments of the Kafka two", "2026-01-03T00:00:00Z")
OTHER = StoreOwner("other", "topic other-assignments of the Kafka one", "2026-01-04T00:00:00Z")
ANN = Assignment("ann", 1, "2026-01-01T00:00:00Z", ["Seen"])


@pytest.fixture(params=["sqlite", pytest.param("cassandra", marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store
    if request.param == "cassandra":
        opened = cassandra_store(request.getfixturevalue("own_keyspace"))
    else:
        opened = open_store(SqliteSpec(str(tmp_path / "it.db")))
    with closing(opened):
        yield opened


def test_a_store_is_one_jobs(store: Store) -> None:
    assert store.owner() is None
    own(store, SHOP, take=False)
    with pytest.raises(UsageError, match="belongs to another job 'shop'"):
        own(store, OTHER, take=False)  # its first users are yet to come
    store.apply([ANN], [])
    own(store, LATER, take=False)
    with pytest.raises(UsageError, match=r"belongs to another job 'shop'.*a store of its own"):
        own(store, OTHER, take=False)
    with pytest.raises(UsageError, match=r"another changelog of the job 'shop'.*--take-store"):
        own(store, ELSEWHERE, take=False)
    assert store.owner() == SHOP
    assert store.lookup("ann") == ANN


def test_a_store_that_is_taken_is_emptied(store: Store) -> None:
    own(store, SHOP, take=False)
    store.apply([ANN], [])
    own(store, SHOP, take=True)
    assert store.lookup("ann") == ANN
    own(store, OTHER, take=True)
    assert store.owner() == OTHER
    assert list(store.assignments()) == list(store.members("Seen")) == []


def test_of_two_who_saw_the_same_owner_one_gets_the_store(store: Store) -> None:
    assert store.give_to(SHOP, None)
    assert not store.give_to(OTHER, None)
    assert store.give_to(OTHER, SHOP)
    assert not store.give_to(ELSEWHERE, SHOP)
    assert store.owner() == OTHER


def test_who_had_a_store_no_longer_writes_it(store: Store) -> None:
    own(store, SHOP, take=False)
    writer = OwnedStore(store, LATER, trusted_s=0.0)
    writer.apply([ANN], [])
    own(store, OTHER, take=True)
    with pytest.raises(JobError, match=r"no longer that of 'shop', it is that of 'other' \(topic"):
        writer.apply([ANN], [])
    assert store.lookup("ann") is None
