"""The `store:` part is checked whole, and secrets never stand in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from flink_job.config.store import CassandraSpec, SqliteSpec, StoreSpec
from flink_job.stores.cassandra import CassandraStore
from flink_job.stores.opening import open_store
from flink_job.stores.sqlite import SqliteStore
from operators.base.errors import UsageError

CASSANDRA: dict[str, Any] = {
    "kind": "cassandra",
    "hosts": ["${CASSANDRA_HOST}"],
    "port": "${CASSANDRA_PORT}",
    "user": "flockwise",
    "password": "${CASSANDRA_PASSWORD}",
}
ENVIRON = {"CASSANDRA_HOST": "127.0.0.1", "CASSANDRA_PORT": "29042", "CASSANDRA_PASSWORD": "xyzzy"}


def spec(settings: dict[str, Any]) -> StoreSpec:
    found: StoreSpec = msgspec.convert(settings, StoreSpec)
    return found


def cassandra(**changes: Any) -> CassandraSpec:
    found = spec({**CASSANDRA, **changes})
    assert isinstance(found, CassandraSpec)
    return found


def test_the_kind_chooses_the_store() -> None:
    assert spec({"kind": "sqlite", "path": "x.db"}) == SqliteSpec("x.db")
    assert isinstance(open_store(SqliteSpec("x.db"), {}), SqliteStore)
    assert isinstance(open_store(cassandra(), ENVIRON), CassandraStore)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "sqlit", "path": "x"}, "sqlit"),
        ({"kind": "sqlite"}, "path"),
        ({"kind": "sqlite", "path": "x", "hosts": []}, "hosts"),
        ({**CASSANDRA, "consistency": "MOST"}, "MOST"),
    ],
)
def test_what_does_not_fit_is_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        spec(settings)


def test_a_password_in_clear_is_refused_and_not_repeated() -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        cassandra(password="hunter2")
    assert "password" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_resolved_password_is_never_shown() -> None:
    store = open_store(cassandra(), ENVIRON)
    assert isinstance(store, CassandraStore)
    assert "xyzzy" not in repr(vars(store))
    assert "xyzzy" not in repr(cassandra())


def test_a_variable_that_is_not_set_is_named() -> None:
    for name, path in (("CASSANDRA_PASSWORD", "password"), ("CASSANDRA_PORT", "port")):
        with pytest.raises(UsageError, match=rf"store\.{path}: expected .* {name}"):
            open_store(cassandra(), {**ENVIRON, name: ""})


def test_a_port_from_the_environment_is_a_number() -> None:
    with pytest.raises(UsageError, match=r"store\.port"):
        open_store(cassandra(), {**ENVIRON, "CASSANDRA_PORT": "many"})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hosts": []}, "store.hosts"),
        ({"hosts": ["a", ""]}, "store.hosts"),
        ({"port": 0}, "store.port"),
        ({"port": 65_536}, "store.port"),
        ({"user": None}, "store.password"),
        ({"password": None}, "store.password"),
        ({"keyspace": "drop table"}, "store.keyspace"),
        ({"timeout": "soon"}, "store.timeout"),
        ({"concurrency": 0}, "store.concurrency"),
        ({"keep_transitions": "-1d"}, "store.keep_transitions"),
    ],
)
def test_each_mistake_has_its_path(changes: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in cassandra(**changes).problems()] == [path]


def test_all_mistakes_are_told_at_once() -> None:
    found = cassandra(hosts=[], port=0, keyspace="", timeout="").problems()
    assert len(list(found)) == 4
    assert [problem.path for problem in SqliteSpec("", keep_transitions="x").problems()] == [
        "store.keep_transitions",
        "store.path",
    ]


def test_good_specs_have_no_problems() -> None:
    assert not list(cassandra().problems())
    assert not list(SqliteSpec("x.db").problems())


def test_certificates_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("absent.pem", "empty.pem"):
        with pytest.raises(UsageError, match=rf"store\.ca_file.*{name}"):
            open_store(cassandra(ca_file=str(tmp_path / name)), ENVIRON)
