"""From the `store:` part of a configuration to a store in Cassandra."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from flink_job.config.secrets import resolve
from flink_job.config.store import CassandraSpec
from flink_job.stores.cassandra import CassandraStore, Keyspace
from flink_job.stores.cassandra_session import Login, Node
from operators.base.durations import parse_duration_us
from operators.base.errors import UsageError

_US_PER_S = 1_000_000


def open_store(spec: CassandraSpec, environ: Mapping[str, str]) -> CassandraStore:
    """The store of a spec.

    Raises:
        UsageError: a variable is not set, or the file of certificates can't be read.
    """
    keep_us = parse_duration_us(spec.keep_transitions)
    return CassandraStore(Keyspace(_node(spec, environ), spec.keyspace, keep_us, spec.concurrency))


def _node(spec: CassandraSpec, environ: Mapping[str, str]) -> Node:
    return Node(
        hosts=tuple(resolve(host, "store.hosts", environ) for host in spec.hosts),
        port=_port(spec, environ),
        login=_login(spec, environ),
        datacenter=spec.datacenter,
        consistency=spec.consistency,
        request_within_s=parse_duration_us(spec.timeout) / _US_PER_S,
        tls=_tls(spec),
    )


def _port(spec: CassandraSpec, environ: Mapping[str, str]) -> int:
    port = resolve(str(spec.port), "store.port", environ)
    if not port.isdecimal():
        raise UsageError(f"store.port: expected {spec.port} to hold a number")
    return int(port)


def _login(spec: CassandraSpec, environ: Mapping[str, str]) -> Login | None:
    if spec.user is None or spec.password is None:
        return None
    return Login(
        resolve(spec.user, "store.user", environ),
        resolve(spec.password, "store.password", environ),
    )


def _tls(spec: CassandraSpec) -> ssl.SSLContext | None:
    if spec.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=spec.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"store.ca_file: expected certificates in PEM in {spec.ca_file}: {error}"
        ) from error
    context.check_hostname = spec.verify_hosts
    return context
