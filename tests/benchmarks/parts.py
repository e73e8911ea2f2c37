"""The parts of `make bench`: by their keys, what is wanted of each, and in which room it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Server = Literal["kafka", "cassandra"]


@dataclass(frozen=True)
class Part:
    """A figure: its key in the JSON, what it is, and what is wanted of it.

    `most` says that less is better.
    """

    key: str
    what: str
    wanted: float
    most: bool = False
    unit: str = ""


@dataclass(frozen=True)
class RoomOf:
    """Where parts are measured: a module with `measure`, its servers, and how long it may take.

    One that is not `quick` is left out by `--quick`.
    """

    module: str
    parts: tuple[Part, ...]
    servers: tuple[Server, ...] = ("kafka",)
    quick: bool = True
    quick_s: int = 600
    full_s: int = 1_800


ROOMS: Final = (
    RoomOf(
        "decoding",
        (Part("presets", "decoding, the slowest format of `events.format` / flat", 0.7),),
        servers=(),
    ),
    RoomOf(
        "rates",
        (
            Part("scan_heap", "live, standard workload, heap / bare scan", 0.5),
            Part("scan_rocksdb", "the same on RocksDB", 0.4),
            Part("scan_rich", "live, rich workload, heap / bare scan", 0.2),
            Part("replay", "replay, standard workload / live", 0.8),
            Part("hot_user", "one user sends half of all events / evenly spread", 0.8),
            Part("outcomes", "live, standard workload, three outcomes / none", 0.95),
        ),
    ),
    RoomOf(
        "replayed",
        (
            Part("judgements", "judgements an event, rich workload, live and idle", 3, most=True),
            Part("replay_rich", "replay, rich workload, real histories / live", 0.3),
        ),
    ),
    RoomOf(
        "contending",
        (
            Part("quixstreams_cold", "simple workload, 2 million events / quixstreams", 2.5),
            Part("bytewax_cold", "the same / bytewax", 1.3),
            Part("quixstreams_warm", "simple workload, 10 million events, warm / quixstreams", 4),
            Part("bytewax_warm", "the same / bytewax", 2),
            Part("quixstreams_whole", "2 million, from the command on / quixstreams", 1.8),
        ),
        full_s=3_600,
    ),
    RoomOf(
        "upserting",
        (Part("upsert", "rows a second of upsert into Cassandra / the driver alone", 0.7),),
        servers=("kafka", "cassandra"),
    ),
    RoomOf(
        "crowd",
        (Part("million_users", "1,000,000 / 20,000 users, RocksDB", 0.7),),
        quick=False,
        full_s=2_700,
    ),
    RoomOf(
        "latency",
        (
            Part("p50_ms", "event to row in Cassandra, 20,000/s", 300, most=True, unit=" ms"),
            Part("p99_ms", "the same", 600, most=True, unit=" ms"),
        ),
        servers=("kafka", "cassandra"),
    ),
    RoomOf(
        "million",
        (
            Part("idle_cpu", "share of a core of `run`, 1,000,000 idle users", 0.1, most=True),
            Part("p99_million_ms", "event to changelog, 1,000,000 users", 1_500, True, " ms"),
            Part("start_million_s", "start with 1,000,000 users to an output", 20, True, " s"),
        ),
        servers=("kafka", "cassandra"),
        quick=False,
        full_s=3_600,
    ),
)
PARTS: Final = {part.key: part for room in ROOMS for part in room.parts}
