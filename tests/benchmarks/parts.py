"""The parts of `make bench`: by their keys, what is wanted of each, and in which room it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Server = Literal["kafka", "cassandra"]


@dataclass(frozen=True)
class Part:
    """A figure: its key in the JSON, what it is, and what issue 14 wants of it.

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
        "rates",
        (
            Part("scan_heap", "live, standard workload, heap / bare scan", 0.5),
            Part("scan_rocksdb", "the same on RocksDB", 0.4),
            Part("scan_rich", "live, rich workload, heap / bare scan", 0.2),
            Part("replay", "replay, standard workload / live", 0.8),
            Part("hot_user", "one user sends half of all events / evenly spread", 0.8),
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
)
PARTS: Final = {part.key: part for room in ROOMS for part in room.parts}
