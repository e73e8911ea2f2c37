"""The real servers, started once a session from their jars and ended by their pids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flink_job import stack
from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra_session import Login, Node


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory, server_jars: None) -> Iterator[Path]:
    """The folder of the servers that the session's tests share."""
    folder = tmp_path_factory.mktemp("stack")
    yield folder
    stack.down(folder)


@pytest.fixture(scope="session")
def kafka(stack_folder: Path) -> str:
    """The bootstrap address of a real broker."""
    bootstrap = stack.up(stack_folder, parts=("kafka",)).bootstrap
    assert bootstrap is not None
    return bootstrap


@pytest.fixture(scope="session")
def cassandra(stack_folder: Path) -> CassandraAccess:
    """A real node, with the keyspace and the role of flockwise."""
    access = stack.up(stack_folder, parts=("cassandra",)).cassandra
    assert access is not None
    return access


@pytest.fixture(scope="session")
def node_as(cassandra: CassandraAccess) -> Callable[[Login], Node]:
    """The shared node as somebody sees it."""
    return lambda login: Node((cassandra.host,), cassandra.port, login)


@pytest.fixture
def own_stack(tmp_path: Path, server_jars: None) -> Iterator[Path]:
    """The folder of a stack that one test may treat as it likes; a name that needs quoting."""
    folder = tmp_path / "a stack's folder"
    yield folder
    stack.down(folder)
