"""The tables of a Cassandra store, made by an administrator; flockwise itself only uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cassandra.cluster import Session

from flink_job.runtime.deploy import deploy_folder
from flink_job.stores.cassandra_session import failures


def create_schema(session: Session, keyspace: str) -> None:
    """Make the tables of deploy/cassandra.cql in a keyspace; those that exist stay as they are.

    Raises:
        StoreError: the role of the session may not, or nobody answers.
    """
    with failures(f"the tables of keyspace {keyspace} can't be made"):
        session.set_keyspace(keyspace)
        for statement in statements():
            session.execute(statement)


def statements() -> Iterator[str]:
    """The statements of deploy/cassandra.cql, one a table."""
    text = re.sub(r"--.*", "", (deploy_folder() / "cassandra.cql").read_text())
    return (part.strip() for part in text.split(";") if part.strip())
