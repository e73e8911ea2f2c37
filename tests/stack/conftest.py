"""The shared Cassandra as somebody sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra_session import Login, Node


@pytest.fixture(scope="session")
def node_as(cassandra: CassandraAccess) -> Callable[[Login], Node]:
    """The shared node as somebody sees it."""
    return lambda login: Node((cassandra.host,), cassandra.port, login)
