"""The `store:` part of a configuration, and the store that it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from flink_job.config.secrets import Reference
from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError

_KEYSPACE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}")
_HIGHEST_PORT: Final = 65_535
_MOST_CONCURRENT: Final = 1_024


class SqliteSpec(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sqlite"
):
    """A file on this machine; transitions go after `keep_transitions`."""

    path: str
    keep_transitions: str = "90d"


class CassandraSpec(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cassandra"
):
    """A keyspace with the tables of deploy/cassandra.cql.

    Hosts, port and user may be `${ENV}` references; the password must be one. `datacenter` is
    that of the hosts unless given. With `ca_file` (PEM) connections use TLS, and hosts must be
    those that their certificates name unless `verify_hosts` is false. `concurrency` is how
    many requests of a batch are under way at once.
    """

    hosts: list[str]
    port: int | Reference = 9042
    user: str | None = None
    password: Reference | None = None
    keyspace: str = "flockwise"
    datacenter: str | None = None
    consistency: Literal["LOCAL_QUORUM", "QUORUM", "LOCAL_ONE", "ONE", "ALL"] = "LOCAL_QUORUM"
    ca_file: str | None = None
    verify_hosts: bool = True
    timeout: str = "10s"
    concurrency: int = 128
    keep_transitions: str = "90d"


StoreSpec = SqliteSpec | CassandraSpec


def problems(spec: StoreSpec) -> Iterator[Problem]:
    """Every mistake in the `store` part of a configuration."""
    yield from _duration(spec.keep_transitions, "keep_transitions")
    if isinstance(spec, SqliteSpec):
        if not spec.path:
            yield Problem("store.path", "expected the path of a file")
        return
    yield from _duration(spec.timeout, "timeout")
    if not spec.hosts or not all(spec.hosts):
        yield Problem("store.hosts", "expected at least one host, none of them empty")
    if isinstance(spec.port, int) and not 0 < spec.port <= _HIGHEST_PORT:
        yield Problem("store.port", f"expected 1 to {_HIGHEST_PORT}, found {spec.port}")
    if (spec.user is None) != (spec.password is None):
        yield Problem("store.password", "expected user and password together, or neither")
    if not _KEYSPACE.fullmatch(spec.keyspace):
        yield Problem("store.keyspace", f"expected letters, digits and _, found '{spec.keyspace}'")
    if not 0 < spec.concurrency <= _MOST_CONCURRENT:
        yield Problem(
            "store.concurrency", f"expected 1 to {_MOST_CONCURRENT}, found {spec.concurrency}"
        )


def _duration(text: str, name: str) -> Iterator[Problem]:
    try:
        parse_duration_us(text)
    except UsageError as error:
        yield Problem(f"store.{name}", str(error))
