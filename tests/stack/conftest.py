"""The shared Cassandra as somebody sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from flink_job import stack
from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra_session import Login, Node


@pytest.fixture(scope="session")
def node_as(cassandra: CassandraAccess) -> Callable[[Login], Node]:
    """The shared node as somebody sees it."""
    return lambda login: Node((cassandra.host,), cassandra.port, login)


@pytest.fixture
def own_keyspace(cassandra: CassandraAccess, stack_folder: Path) -> CassandraAccess:
    """The shared node with a keyspace for one test: a store belongs to one job."""
    return _keyspace(cassandra, stack_folder)


@pytest.fixture(scope="module")
def module_keyspace(cassandra: CassandraAccess, stack_folder: Path) -> CassandraAccess:
    """The shared node with a keyspace for one module, whose scans find no others' rows."""
    return _keyspace(cassandra, stack_folder)


def _keyspace(cassandra: CassandraAccess, stack_folder: Path) -> CassandraAccess:
    name = f"own_{uuid4().hex}"
    stack.keyspace(stack_folder, name)
    return replace(cassandra, keyspace=name)
