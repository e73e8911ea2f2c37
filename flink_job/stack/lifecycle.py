"""Bring a stack up, say how it is, take it down."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flink_job.runtime.java import java_home
from flink_job.runtime.progress import OnStep, silent
from flink_job.stack.access import Stack, access, write_env
from flink_job.stack.accounts import make_keyspace, secure
from flink_job.stack.cassandra import CassandraServer
from flink_job.stack.jars import ensure_jars
from flink_job.stack.kafka import KafkaServer
from flink_job.stack.locks import locked
from flink_job.stack.ports import Part, choose_ports, load_ports, save_ports
from flink_job.stack.server import Java, Server
from flink_job.stores.cassandra_session import Node
from operators.base.errors import UsageError

PARTS: Final[tuple[Part, ...]] = ("kafka", "cassandra")

_SERVERS: Final[Mapping[Part, type[Server]]] = {"kafka": KafkaServer, "cassandra": CassandraServer}
_PORTS: Final = "stack.json"
_LOCK: Final = "lock"
_OWNER_ONLY: Final = 0o700


@dataclass(frozen=True)
class PartStatus:
    """One server of a stack. `pid` is None when it does not run; `up`: it runs and answers."""

    part: Part
    address: str
    pid: int | None
    up: bool
    data: Path
    log: Path


def up(
    folder: Path,
    kafka_port: int | None = None,
    cassandra_port: int | None = None,
    parts: Sequence[Part] = PARTS,
    progress: OnStep = silent,
) -> Stack:
    """Start what does not run yet and wait until it answers; data and ports are kept.

    Raises:
        UsageError: a port that was asked for is taken, or the part runs on another.
        PreflightError: the jars can't be had, or a server does not come up; what this call
            started is ended again.
    """
    wanted: Mapping[Part, int | None] = {"kafka": kafka_port, "cassandra": cassandra_port}
    folder = folder.absolute()
    folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    with locked(folder / _LOCK, progress), ExitStack() as undo:
        for part in parts:
            _ensure_up(folder, part, wanted[part], undo, progress)
        stack = access(folder, load_ports(folder / _PORTS))
        if "cassandra" in parts:
            _secure(stack, progress)
        write_env(stack)
        undo.pop_all()
    return stack


def down(
    folder: Path, parts: Sequence[Part] = PARTS, progress: OnStep = silent
) -> tuple[Part, ...]:
    """End what `up` started in a folder, and nothing else; says which parts that were."""
    folder = folder.absolute()
    if not folder.is_dir():
        return ()
    with locked(folder / _LOCK, progress):
        servers = [server for server in _servers(folder) if server.part in parts]
        return tuple(server.part for server in servers if _stop(server, progress))


def status(folder: Path) -> tuple[PartStatus, ...]:
    """How every part is that the stack of a folder ever had."""
    return tuple(_status(server) for server in _servers(folder.absolute()))


def find(folder: Path) -> Stack:
    """How to reach the stack of a folder, up or not.

    Raises:
        UsageError: there is no stack in the folder.
    """
    folder = folder.absolute()
    if not (folder / _PORTS).is_file():
        raise UsageError(
            f"expected a stack in {folder}, found none: `flockwise stack up` makes one"
        )
    return access(folder, load_ports(folder / _PORTS))


def keyspace(folder: Path, name: str) -> None:
    """Make another keyspace with its tables in the Cassandra of a folder, which is up.

    Raises:
        UsageError: there is no stack with a Cassandra in the folder; that is no name.
        StoreError: Cassandra does not answer.
    """
    found = find(folder).cassandra
    if found is None:
        raise UsageError(f"the stack in {folder} has no Cassandra: `flockwise stack up` makes one")
    make_keyspace(Node((found.host,), found.port), found.admin(), found.login(), name)


def _servers(folder: Path) -> list[Server]:
    ports = load_ports(folder / _PORTS)
    return [_SERVERS[part](folder / part, ports) for part in PARTS if ports.of(part)]


def _ensure_up(
    folder: Path, part: Part, wanted: int | None, undo: ExitStack, progress: OnStep
) -> None:
    kept = load_ports(folder / _PORTS)
    server = _SERVERS[part](folder / part, kept)
    if server.running() is not None:
        if wanted not in {None, kept.of(part)}:
            raise UsageError(
                f"{server.title} already runs on port {kept.of(part)}: end it with "
                f"`flockwise stack down` before giving it port {wanted}"
            )
        server.wait()
        return
    jars = ensure_jars([part], progress=progress)
    ports = choose_ports(kept, part, wanted, random.SystemRandom())
    save_ports(ports, folder / _PORTS)
    server = _SERVERS[part](folder / part, ports)
    undo.callback(server.stop)
    java = Java(java_home(os.environ) / "bin" / "java", jars[part])
    server.start(java, os.environ, progress)


def _secure(stack: Stack, progress: OnStep) -> None:
    assert stack.cassandra is not None
    progress("Setting up Cassandra's accounts and tables")
    node = Node((stack.cassandra.host,), stack.cassandra.port)
    secure(node, stack.cassandra.admin(), stack.cassandra.login())


def _stop(server: Server, progress: OnStep) -> bool:
    if server.running() is None:
        return False
    progress(f"Ending {server.title}")
    return server.stop()


def _status(server: Server) -> PartStatus:
    pid = server.running()
    return PartStatus(
        part=server.part,
        address=server.address,
        pid=pid,
        up=pid is not None and server.answers(),
        data=server.data,
        log=server.log_file,
    )
