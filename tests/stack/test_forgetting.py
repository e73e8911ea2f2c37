"""A live run that forgets: state, changelog and store; who comes back is seen again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from flink_job.config.load import load
from flink_job.jobs.segment import Start
from flink_job.plan import Plan
from flink_job.stack import CassandraAccess
from flink_job.stores.base import Store
from operators.contracts.records import Assignment
from tests.stack.live import SQLITE, LiveShop, at_work, kinds_of, seconds, stopped, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

MORE: Final[Mapping[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "views_2s": {"count": "view", "window": "2s", "tile": "1s"},
        "since_view": {"since": "view", "unit": "seconds"},
    },
    "segments": {"Ever": {"when": "views >= 1"}, "Twice": {"when": "views >= 2"}},
    "run": {"state": "state", "lanes": 4, "forget_after": "6s"},
}


def words(shop: LiveShop, user: str) -> list[Assignment | None]:
    """All that the changelog says of a user, in order; None is a tombstone."""
    return [word for name, word in shop.words() if name == user]


def opened(shop: LiveShop) -> Store:
    open_store = Plan(load(shop.path), shop.path.parent).store()
    assert open_store is not None
    return open_store()


@dataclass
class Visitor:
    """A user who is seen once in each of their lives."""

    shop: LiveShop
    store: Store
    name: str
    lives: int = 0

    def is_known(self) -> bool:
        """Whether the store knows them; who is forgotten is seen again.

        On a machine that has much to do that can be before the store is told of them.
        """
        if words(self.shop, self.name).count(None) == self.lives:
            self.shop.view(self.name)
            self.lives += 1
        return self.store.lookup(self.name) is not None


@pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.soak), "cassandra"])
def test_who_is_silent_is_forgotten_everywhere_and_seen_again_everywhere(
    kafka: str,
    kind: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = {**MORE, "store": SQLITE}
    if kind == "cassandra":
        more["store"] = cassandra_spec(request.getfixturevalue("own_keyspace"), monkeypatch)
    shop = LiveShop(kafka, f"forgetting-{kind}", tmp_path, more)
    with closing(opened(shop)) as store, shop.upserting() as upsert:
        with shop.at_home() as job:
            # The store is kept up by a process: until that is up nobody is asked about.
            until(lambda: at_work(shop) and store.lookup("warm-up") is not None, job, "the store")
            seen_s, ann = time.time(), Visitor(shop, store, "ann")
            until(ann.is_known, job, "ann to be stored")
            until(lambda: None in words(shop, "ann"), job, "ann to be forgotten")
            first, last, tombstone = words(shop, "ann")[:3]
            assert first is not None
            assert last is not None
            assert tombstone is None
            assert (first.segments, last.segments, last.forgotten) == (["Ever"], [], True)
            assert last.version > first.version
            # Not before the time is over.
            assert seconds(last.updated_at) - seen_s >= 5
            lives = words(shop, "ann").count(None)
            left = [t for t in shop.transitions() if (t.user, t.kind) == ("ann", "leave")]
            assert [t.why for t in left[:lives]] == [["forgotten after 6s without events"]] * lives
            until(lambda: store.lookup("ann") is None, job, "the store to forget ann")

            lives = words(shop, "ann").count(None)
            until(ann.is_known, job, "ann to be stored again")
            back = words(shop, "ann")[3 * lives]
            assert back is not None
            assert (back.segments, back.features["views"]) == (["Ever"], 1.0)
            assert back.version > last.version
            until(lambda: words(shop, "ann").count(None) > lives, job, "ann to be forgotten again")
            assert kinds_of(shop, "ann", "Twice") == []
            shop.view("bob")
            until(lambda: bool(words(shop, "bob")), job, "bob to be told of")
            job.stop()

        # Whoever is silent while nobody works is forgotten by the run that goes on.
        with shop.at_home(Start(resume=True)) as job:
            until(lambda: None in words(shop, "bob"), job, "bob to be forgotten")
            until(lambda: store.lookup("bob") is None, job, "the store to forget bob")
            job.stop()
        stopped(upsert)


def cassandra_spec(access: CassandraAccess, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The `store:` part of a configuration over the node of the session."""
    login = access.login()
    monkeypatch.setenv("FORGETTING_PASSWORD", login.password)
    return {
        **{"kind": "cassandra", "hosts": [access.host], "port": access.port},
        **{"user": login.user, "password": "${FORGETTING_PASSWORD}"},
        "keyspace": access.keyspace,
    }
