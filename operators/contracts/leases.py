"""Who a job's name and topics belong to: the records of the topic of leases, as JSON.

A job holds its name and its topics by a lease, from its start on and after its end, too; its
heartbeats say that it is at work. The method is that of Gray and Cheriton, Leases (1989), with
fencing by a number that grows.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from operators.base.errors import UsageError

HEARTBEAT_US: Final = 2_000_000  # from one heartbeat to the next


class Lease(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="lease"):
    """A start of a job: it takes the name and the topics that it writes.

    `token` names this start, `fence` (microseconds since 1970) is above those of all starts of
    the name before. `over` are the tokens of the leases that it ends. `by` and `place` say to a
    person who started it and where it runs, `at` (ISO 8601) when. `process` is the process (its
    pid, and when it was started in ticks) that runs it on the machine `machine`, `cluster` the
    REST address (host:port) of the cluster that does, under the name `job`. `state` names the
    state that it goes on from and leaves, `anew_us` (microseconds since 1970) is when a start of
    the name last began with none.
    """

    name: str
    token: str
    fence: int
    topics: list[str]
    by: str
    place: str
    at: str
    over: list[str] = []
    machine: str | None = None
    process: tuple[int, int] | None = None
    cluster: str | None = None
    job: str | None = None
    state: str = ""
    anew_us: int = 0


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="beat"):
    """The job of a lease is at work at a moment (ISO 8601), or has `ended`."""

    token: str
    at: str
    ended: bool = False


LeaseRecord: TypeAlias = Lease | Heartbeat

encode = msgspec.json.Encoder().encode
_decoder: Final[msgspec.json.Decoder[LeaseRecord]] = msgspec.json.Decoder(LeaseRecord)


def key(record: LeaseRecord) -> bytes:
    """The key of a record: compaction keeps every lease, and of heartbeats the last."""
    kind = "lease" if isinstance(record, Lease) else "beat"
    return f"{kind}/{record.token}".encode()


def read(raw: bytes) -> LeaseRecord:
    """A record of the topic of leases.

    Raises:
        UsageError: it is none.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"not a record of leases: {error}") from None
