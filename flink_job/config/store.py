"""The `store:` part of a configuration, and the store that it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

import msgspec

from flink_job.config.secrets import Reference
from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError

KEYSPACE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}")
_HIGHEST_PORT: Final = 65_535
_MOST_CONCURRENT: Final = 1_024


class _Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind of store says of itself."""

    # What it lies in that only this machine reaches; None for a store that a cluster reaches.
    lies_here: ClassVar[str | None] = None

    def problems(self) -> Iterator[Problem]:
        """Every mistake in this `store` part of a configuration."""
        yield from ()

    def at(self, _absolute: Callable[[str], Path]) -> Self:
        """The same with its paths made absolute."""
        return self


class SqliteSpec(_Spec, frozen=True, tag="sqlite"):
    """A file on this machine; transitions go after `keep_transitions`."""

    path: str
    keep_transitions: str = "90d"

    lies_here = "a sqlite file"

    def problems(self) -> Iterator[Problem]:
        yield from _duration(self.keep_transitions, "keep_transitions")
        if not self.path:
            yield Problem("store.path", "expected the path of a file")

    def at(self, absolute: Callable[[str], Path]) -> Self:
        return msgspec.structs.replace(self, path=str(absolute(self.path)))


class CassandraSpec(_Spec, frozen=True, tag="cassandra"):
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

    def problems(self) -> Iterator[Problem]:
        yield from _duration(self.keep_transitions, "keep_transitions")
        yield from _duration(self.timeout, "timeout")
        if not self.hosts or not all(self.hosts):
            yield Problem("store.hosts", "expected at least one host, none of them empty")
        if isinstance(self.port, int) and not 0 < self.port <= _HIGHEST_PORT:
            yield Problem("store.port", f"expected 1 to {_HIGHEST_PORT}, found {self.port}")
        if (self.user is None) != (self.password is None):
            yield Problem("store.password", "expected user and password together, or neither")
        if not KEYSPACE_NAME.fullmatch(self.keyspace):
            expected = f"expected letters, digits and _, found '{self.keyspace}'"
            yield Problem("store.keyspace", expected)
        if not 0 < self.concurrency <= _MOST_CONCURRENT:
            expected = f"expected 1 to {_MOST_CONCURRENT}, found {self.concurrency}"
            yield Problem("store.concurrency", expected)

    def at(self, absolute: Callable[[str], Path]) -> Self:
        if self.ca_file is None:
            return self
        return msgspec.structs.replace(self, ca_file=str(absolute(self.ca_file)))


StoreSpec = SqliteSpec | CassandraSpec


def _duration(text: str, name: str) -> Iterator[Problem]:
    try:
        parse_duration_us(text)
    except UsageError as error:
        yield Problem(f"store.{name}", str(error))
