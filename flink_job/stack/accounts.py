"""Who may do what in the stack's Cassandra.

A new node comes with a superuser that everybody knows. It is replaced by an administrator with
a generated password, which makes the keyspace and its tables, and a role that can only read
and change what is in them.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from cassandra.cluster import Session

from flink_job.config.store import KEYSPACE_NAME
from flink_job.stack import processes
from flink_job.stores.cassandra_schema import create_schema
from flink_job.stores.cassandra_session import (
    Login,
    LoginRefusedError,
    Node,
    close,
    connect,
    failures,
)
from operators.base.errors import PreflightError, UsageError

KEYSPACE: Final = "flockwise"
ROLE: Final = "flockwise"
ADMIN: Final = "flockwise_admin"

_DEFAULT: Final = Login("cassandra", "cassandra")
_DEFAULT_WITHIN_S: Final = 30.0
_UNGUESSABLE_BYTES: Final = 24


def secure(node: Node, admin: Login, user: Login) -> None:
    """Make the accounts, the keyspace and its tables; what is there stays.

    Raises:
        PreflightError: the node knows neither the administrator nor the default superuser.
        StoreError: the node does not answer.
    """
    with _quiet_driver():
        session = _administrator(replace(node, login=admin), admin)
    try:
        with failures("the accounts of Cassandra can't be set up"):
            _lock_default(session)
            _make_login(session, user, superuser=False)
            _make_keyspace(session, KEYSPACE, user.user)
    finally:
        close(session)


def make_keyspace(node: Node, admin: Login, user: Login, name: str) -> None:
    """Make another keyspace, since a store belongs to one job; what is there stays.

    Raises:
        UsageError: that is no name of a keyspace.
        StoreError: the node does not answer, or does not let us.
    """
    if not KEYSPACE_NAME.fullmatch(name):
        raise UsageError(f"expected a name of letters, digits and _, found '{name}'")
    session = connect(replace(node, login=admin))
    try:
        with failures(f"keyspace {name} can't be made"):
            _make_keyspace(session, name, user.user)
    finally:
        close(session)


def _administrator(node: Node, admin: Login) -> Session:
    """A session of the administrator, who is made first if the node is new."""
    session = _session(node)
    if session is not None:
        return session
    # Cassandra makes its default superuser shortly after it begins to answer.
    default = replace(node, login=_DEFAULT)
    opened: list[Session] = []

    def enter() -> bool:
        opened.extend(filter(None, [_session(default)]))
        return bool(opened)

    if not processes.wait_until(enter, _DEFAULT_WITHIN_S):
        raise PreflightError(
            f"{node} knows neither {admin.user} with the password of this stack nor the "
            "default superuser: was a password file changed?"
        )
    try:
        with failures("the administrator of Cassandra can't be made"):
            _make_login(opened[0], admin, superuser=True)
    finally:
        close(opened[0])
    return connect(node)


def _session(node: Node) -> Session | None:
    try:
        return connect(node)
    except LoginRefusedError:
        return None


def _make_login(session: Session, login: Login, superuser: bool) -> None:
    session.execute(f"CREATE ROLE IF NOT EXISTS {login.user}")
    session.execute(
        f"ALTER ROLE {login.user} WITH LOGIN = true AND SUPERUSER = {superuser} "
        f"AND PASSWORD = {_quoted(login.password)}"
    )


def _lock_default(session: Session) -> None:
    """Nobody gets in as the default superuser, whoever makes it able to log in again."""
    password = _quoted(secrets.token_urlsafe(_UNGUESSABLE_BYTES))
    session.execute(
        f"ALTER ROLE IF EXISTS {_DEFAULT.user} WITH LOGIN = false AND SUPERUSER = false "
        f"AND PASSWORD = {password}"
    )


def _make_keyspace(session: Session, name: str, user: str) -> None:
    """Make a keyspace with its tables, for a role."""
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {name} "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    create_schema(session, name)
    for permission in ("SELECT", "MODIFY"):
        session.execute(f"GRANT {permission} ON KEYSPACE {name} TO {user}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _quiet_driver() -> Iterator[None]:
    """Refused logins are expected here; the driver's warnings of them would only alarm."""
    logger = logging.getLogger("cassandra")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
