"""Connections to Cassandra: who logs in, over which policies, and what a failure means."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cassandra import AuthenticationFailed, ConsistencyLevel, DriverException, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    NoSpeculativeExecutionPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import ErrorMessage

from operators.base.errors import StoreError

_CONNECT_WITHIN_S: Final = 5.0
_RECONNECT_FROM_S: Final = 0.5
_RECONNECT_TO_S: Final = 5.0
_MOST_RETRIES: Final = 2

_FAILURES: Final = (
    DriverException,
    NoHostAvailable,
    ConnectionException,
    ErrorMessage,
    OSError,
)


@dataclass(frozen=True)
class Login:
    """A role and its password, which is never shown."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Node:
    """Where a cluster is reached and how."""

    hosts: tuple[str, ...]
    port: int
    login: Login | None = None
    datacenter: str | None = None
    consistency: str = "LOCAL_QUORUM"
    request_within_s: float = 10.0
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"Cassandra at {', '.join(self.hosts)} port {self.port}"


class LoginRefusedError(StoreError):
    """Cassandra does not know the role or its password."""


class IdempotentRetry(RetryPolicy):
    """Retries after timeouts too, since every statement of flockwise may run twice."""

    def on_read_timeout(
        self, query: Any, consistency: int, *, retry_num: int, **_seen: Any
    ) -> tuple[int, int | None]:
        return self._again(consistency, retry_num)

    def on_write_timeout(
        self, query: Any, consistency: int, *, retry_num: int, **_seen: Any
    ) -> tuple[int, int | None]:
        return self._again(consistency, retry_num)

    def _again(self, consistency: int, retry_num: int) -> tuple[int, int | None]:
        return (self.RETRY, consistency) if retry_num < _MOST_RETRIES else (self.RETHROW, None)


def connect(node: Node, keyspace: str | None = None) -> Session:
    """Open a session; `close` ends it.

    Raises:
        LoginRefusedError: the role or password is wrong.
        StoreError: nobody answers, or the datacenter or the keyspace is not there.
    """
    cluster = _cluster(node)
    try:
        with failures(f"{node} can't be used"):
            session = cluster.connect()
            if keyspace:
                session.set_keyspace(keyspace)
            return session
    except BaseException as error:
        found = {host.datacenter for host in cluster.metadata.all_hosts()} - {None}
        cluster.shutdown()
        if node.datacenter and found and node.datacenter not in found:
            raise StoreError(
                f"{node}: expected the datacenter '{node.datacenter}', "
                f"found {', '.join(sorted(found))}"
            ) from error
        raise


def close(session: Session) -> None:
    """End a session and everything that runs for it."""
    session.cluster.shutdown()


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Turn the driver's exceptions into a StoreError that begins with what failed."""
    try:
        yield
    except _FAILURES as error:
        reasons = _reasons(error)
        kind = LoginRefusedError if _is_login(reasons) else StoreError
        raise kind(f"{what}: {_first_line(reasons[0])}") from error


def _cluster(node: Node) -> Cluster:
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(node.datacenter or "")),
        retry_policy=IdempotentRetry(),
        consistency_level=ConsistencyLevel.name_to_value[node.consistency],
        request_timeout=node.request_within_s,
        speculative_execution_policy=NoSpeculativeExecutionPolicy(),
    )
    return Cluster(
        contact_points=list(node.hosts),
        port=node.port,
        auth_provider=_auth(node.login),
        ssl_context=node.tls,
        protocol_version=ProtocolVersion.V4,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ExponentialReconnectionPolicy(
            _RECONNECT_FROM_S, _RECONNECT_TO_S, max_attempts=None
        ),
        connect_timeout=_CONNECT_WITHIN_S,
        control_connection_timeout=_CONNECT_WITHIN_S,
        monitor_reporting_enabled=False,
    )


def _auth(login: Login | None) -> PlainTextAuthProvider | None:
    return login and PlainTextAuthProvider(username=login.user, password=login.password)


def _reasons(error: BaseException) -> list[BaseException]:
    """What each host said, or the error itself."""
    said = error.errors if isinstance(error, NoHostAvailable) else {}
    each = list(said.values()) if isinstance(said, dict) else []
    return [reason for reason in each if isinstance(reason, BaseException)] or [error]


def _is_login(reasons: Sequence[BaseException]) -> bool:
    return any(isinstance(reason, AuthenticationFailed) for reason in reasons)


def _first_line(error: BaseException) -> str:
    text = str(error.args[0] if isinstance(error, NoHostAvailable) else error)
    return (text or type(error).__name__).splitlines()[0]
