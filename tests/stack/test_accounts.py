"""The stack's Cassandra lets flockwise do its work, and nobody do more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cassandra import Unauthorized
from cassandra.cluster import Session

from flink_job import stack
from flink_job.stack import CassandraAccess, processes
from flink_job.stores.cassandra_session import (
    Login,
    LoginRefusedError,
    Node,
    close,
    connect,
)
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.stack

KAFKAS_INDEXES = (".index", ".timeindex")  # of numbers: 20 MiB of zeros for each partition


@pytest.fixture(scope="module")
def admin(cassandra: CassandraAccess, node_as: Callable[[Login], Node]) -> Iterator[Session]:
    session = connect(node_as(cassandra.admin()))
    session.execute(
        "CREATE KEYSPACE IF NOT EXISTS somebody_elses "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.execute("CREATE TABLE IF NOT EXISTS somebody_elses.notes (id int PRIMARY KEY)")
    yield session
    close(session)


@pytest.fixture(scope="module")
def flockwise(
    cassandra: CassandraAccess, node_as: Callable[[Login], Node], admin: Session
) -> Iterator[Session]:
    session = connect(node_as(cassandra.login()), cassandra.keyspace)
    yield session
    close(session)


def test_flockwise_reads_and_changes_its_tables(flockwise: Session) -> None:
    flockwise.execute("INSERT INTO assignments (user, version) VALUES ('roles', 1)")
    found = flockwise.execute("SELECT version FROM assignments WHERE user = 'roles'")
    assert [row.version for row in found] == [1]
    flockwise.execute("DELETE FROM assignments WHERE user = 'roles'")
    assert not list(flockwise.execute("SELECT version FROM assignments WHERE user = 'roles'"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE flockwise.more (id int PRIMARY KEY)",
        "ALTER TABLE flockwise.members ADD more int",
        "DROP TABLE flockwise.members",
        "DROP KEYSPACE flockwise",
        "CREATE KEYSPACE more WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}",
        "SELECT * FROM somebody_elses.notes",
        "INSERT INTO somebody_elses.notes (id) VALUES (1)",
        "SELECT * FROM system_auth.roles",
        "CREATE ROLE accomplice",
        "ALTER ROLE flockwise WITH SUPERUSER = true",
    ],
)
def test_flockwise_may_do_no_more(flockwise: Session, statement: str) -> None:
    with pytest.raises(Unauthorized):
        flockwise.execute(statement)


def test_the_default_superuser_is_locked(admin: Session, node_as: Callable[[Login], Node]) -> None:
    with pytest.raises(LoginRefusedError):
        connect(node_as(Login("cassandra", "cassandra")))
    role = admin.execute(
        "SELECT can_login, is_superuser FROM system_auth.roles WHERE role = 'cassandra'"
    ).one()
    assert (role.can_login, role.is_superuser) == (False, False)


def test_a_wrong_password_is_refused_without_being_told(
    cassandra: CassandraAccess, node_as: Callable[[Login], Node]
) -> None:
    with pytest.raises(LoginRefusedError) as error:
        connect(node_as(Login(cassandra.user, "hunter2")))
    assert str(cassandra.port) in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "hunter2" not in repr(Login(cassandra.user, "hunter2"))


def test_passwords_stand_in_their_files_only(
    cassandra: CassandraAccess, stack_folder: Path
) -> None:
    pid = {part.part: part.pid for part in stack.status(stack_folder)}["cassandra"]
    passwords = [cassandra.login().password.encode(), cassandra.admin().password.encode()]
    own = {cassandra.password_file, cassandra.admin_password_file, stack_folder / "env"}
    texts = [Path(folder) / name for folder, _, names in os.walk(stack_folder) for name in names]
    texts += [Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ")]
    read: dict[Path, bytes] = {}
    for path in {*texts} - own:
        with suppress(OSError):  # the servers are at work, and files come and go
            if path.suffix not in KAFKAS_INDEXES:
                read[path] = path.read_bytes()
    assert any(path.suffix == ".log" for path in read)
    for path, text in read.items():
        assert not any(password in text for password in passwords), path
    for path in own:
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_to_source_holds_what_is_needed(
    cassandra: CassandraAccess, kafka: str, stack_folder: Path
) -> None:
    variables = sourced(stack_folder / "env")
    assert variables == {
        "KAFKA_BOOTSTRAP": kafka,
        "CASSANDRA_HOST": cassandra.host,
        "CASSANDRA_PORT": str(cassandra.port),
        "CASSANDRA_USER": cassandra.user,
        "CASSANDRA_PASSWORD": cassandra.login().password,
    }


@pytest.mark.long
def test_a_lost_password_is_replaced(own_stack: Path) -> None:
    access = stack.up(own_stack, parts=("cassandra",)).cassandra
    assert access is not None
    old = access.login()
    access.password_file.unlink()
    stack.up(own_stack, parts=("cassandra",))
    new = access.login()
    assert new != old
    close(connect(Node((access.host,), access.port, new)))
    # Cassandra keeps what it knows of a login for two seconds.
    assert processes.wait_until(lambda: refused(Node((access.host,), access.port, old)), PATIENCE_S)


def refused(node: Node) -> bool:
    try:
        close(connect(node))
    except LoginRefusedError:
        return True
    return False


def sourced(env_file: Path) -> dict[str, str]:
    """The variables of a file, as a shell reads them."""
    done = subprocess.run(
        ["/bin/sh", "-c", '. "$0"; env', str(env_file)],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {name: pairs[name] for name in pairs if name.startswith(("KAFKA_", "CASSANDRA_"))}
