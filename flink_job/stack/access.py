"""How to reach a stack: addresses, accounts, and the file to load them from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flink_job.stack.accounts import ADMIN, KEYSPACE, ROLE
from flink_job.stack.ports import HOST, Ports
from flink_job.stack.secret_files import kept_password, write_secret
from flink_job.stores.cassandra_session import Login


@dataclass(frozen=True)
class CassandraAccess:
    """The Cassandra of a stack, for the role of flockwise."""

    host: str
    port: int
    user: str
    keyspace: str
    password_file: Path
    admin_password_file: Path

    def login(self) -> Login:
        """The role that may read and change what is in the keyspace."""
        return Login(self.user, kept_password(self.password_file))

    def admin(self) -> Login:
        """The administrator."""
        return Login(ADMIN, kept_password(self.admin_password_file))


@dataclass(frozen=True)
class Stack:
    """A stack that is there; a part that it does not have is None."""

    folder: Path
    bootstrap: str | None
    cassandra: CassandraAccess | None

    @property
    def env_file(self) -> Path:
        """The file to source for every address and the password."""
        return self.folder / "env"


def access(folder: Path, ports: Ports) -> Stack:
    """How to reach the stack of a folder."""
    return Stack(
        folder=folder,
        bootstrap=f"{HOST}:{ports.kafka}" if ports.kafka else None,
        cassandra=_cassandra(folder, ports.cassandra) if ports.cassandra else None,
    )


def write_env(stack: Stack) -> None:
    """Write the file to source, for its owner only."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in _variables(stack)]
    write_secret(stack.env_file, "".join(lines))


def _cassandra(folder: Path, port: int) -> CassandraAccess:
    return CassandraAccess(
        host=HOST,
        port=port,
        user=ROLE,
        keyspace=KEYSPACE,
        password_file=folder / "cassandra.password",
        admin_password_file=folder / "cassandra.admin.password",
    )


def _variables(stack: Stack) -> Iterator[tuple[str, str]]:
    if stack.bootstrap:
        yield "KAFKA_BOOTSTRAP", stack.bootstrap
    if stack.cassandra:
        yield "CASSANDRA_HOST", stack.cassandra.host
        yield "CASSANDRA_PORT", str(stack.cassandra.port)
        yield "CASSANDRA_USER", stack.cassandra.user
        yield "CASSANDRA_PASSWORD", stack.cassandra.login().password
