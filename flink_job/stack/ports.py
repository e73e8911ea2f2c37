"""Ports of the local machine: which are free, which answer, and which a stack keeps."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

import msgspec

from flink_job.runtime.atomic import write_whole
from operators.base.errors import PreflightError, UsageError

HOST: Final = "127.0.0.1"

# Below every system's ephemeral range: no outgoing connection can sit on a kept port.
_RANGE: Final = range(20_000, 32_000)
_HIGHEST: Final = 65_535
_ANSWER_WITHIN_S: Final = 1.0

Part = Literal["kafka", "cassandra"]


class Ports(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The ports of a stack, for clients and between servers; None for a part it never had."""

    kafka: int | None = None
    controller: int | None = None
    cassandra: int | None = None
    storage: int | None = None

    def of(self, part: Part) -> int | None:
        """The port of a part for clients."""
        return self.kafka if part == "kafka" else self.cassandra


def load_ports(path: Path) -> Ports:
    """The ports that were kept in a file, none if there is no such file.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ports)
    except FileNotFoundError:
        return Ports()
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} does not hold the ports of a stack: {error}") from error


def save_ports(ports: Ports, path: Path) -> None:
    """Keep the ports in a file, whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(ports)) + b"\n")


def choose_ports(kept: Ports, part: Part, wanted: int | None, choice: random.Random) -> Ports:
    """The ports to start a part with: the one wanted, else the one kept, else a free one.

    Raises:
        UsageError: the port wanted is none, or taken.
        PreflightError: the port kept is taken.
    """
    inner: Literal["controller", "storage"] = "controller" if part == "kafka" else "storage"
    taken = {port for name, port in msgspec.structs.asdict(kept).items() if name != part and port}
    inner_kept = getattr(kept, inner)
    port = wanted or kept.of(part)
    if port is None:
        port = free_port(taken, choice)
    else:
        _check(port, part, is_wanted=wanted is not None, others=taken - {inner_kept})
    if inner_kept in {None, port} or not is_free(inner_kept):
        inner_kept = free_port({*taken, port}, choice)
    return msgspec.structs.replace(kept, **{part: port, inner: inner_kept})


def _check(port: int, part: Part, is_wanted: bool, others: Collection[int]) -> None:
    if not 0 < port <= _HIGHEST:
        raise UsageError(f"expected a port from 1 to {_HIGHEST} for {part}, found {port}")
    if port not in others and is_free(port):
        return
    if is_wanted:
        raise UsageError(f"port {port} is taken: give {part} a free one with --{part}-port")
    raise PreflightError(
        f"port {port}, which {part} had, is taken by another program: end that, or give "
        f"another port with --{part}-port"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(but: Collection[int], choice: random.Random) -> int:
    """A free port that is none of these."""
    while True:
        port = choice.choice(_RANGE)
        if port not in but and is_free(port):
            return port


def exchange(port: int, request: bytes, length: int) -> bytes:
    """Send a request to a local port and read that many bytes; fewer if it hangs up."""
    try:
        with socket.create_connection((HOST, port), timeout=_ANSWER_WITHIN_S) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.read(length)
    except OSError:
        return b""
