"""The real servers of the tests as clients and operators see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from flink_job import stack
from flink_job.config.store import CassandraSpec
from flink_job.stack import CassandraAccess, Stack
from flink_job.stores.cassandra import CassandraStore
from flink_job.stores.cassandra_session import Login
from flink_job.stores.opening import open_store


def pids(folder: Path) -> dict[str, int | None]:
    """The pid of each part of a stack."""
    return {part.part: part.pid for part in stack.status(folder)}


def bootstrap_of(found: Stack) -> str:
    """The broker's address of a stack that has one."""
    assert found.bootstrap is not None
    return found.bootstrap


def cassandra_store(
    access: CassandraAccess, login: Login | None = None, **changes: Any
) -> CassandraStore:
    """The store of a stack, as the role of flockwise unless another login is given."""
    role = login or access.login()
    spec = CassandraSpec(
        hosts=[access.host],
        port=access.port,
        user=role.user,
        password="${CASSANDRA_PASSWORD}",
        keyspace=access.keyspace,
    )
    changed = msgspec.structs.replace(spec, **changes)
    store = open_store(changed, {"CASSANDRA_PASSWORD": role.password})
    assert isinstance(store, CassandraStore)
    return store
