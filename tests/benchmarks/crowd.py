"""The same events by 1,000,000 users instead of 20,000, on RocksDB, in bounded memory.

The smaller topic has an event of each user, so that the difference is what events of users take
who are known already. Of the rows of so many, which come evenly, some half fit into memory.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from tests.benchmarks.jobs import How, Jobs
from tests.benchmarks.rates import Job, Pair, Sizes, pair, tell_ratios
from tests.benchmarks.room import Room
from tests.benchmarks.workloads.shop import shop, spread
from tests.benchmarks.workloads.standard import STANDARD

USUAL: Final = "20,000 users"
CROWD: Final = "1,000,000 users"
WAYS: Final = 50  # users in place of one
MEMORY: Final = "900MB"
SIZES: Final = Sizes(1_000_000, 2_000_000, 20_000, 1)


def measure(room: Room) -> None:
    """The one part of this room."""
    end_us = time.time_ns() // 1_000_000_000 * 1_000_000
    jobs = Jobs(room.folder, room.bootstrap)
    usual = pair(room, "usual-crowd", SIZES, lambda events: shop(end_us, events, SIZES.users))
    crowd = pair(
        room, "crowd", SIZES, lambda events: spread(shop(end_us, events, SIZES.users), WAYS)
    )
    job: Job = partial(jobs.segment, how=How(STANDARD, backend="rocksdb", memory=MEMORY))
    runs: dict[str, tuple[Job, Pair]] = {USUAL: (job, usual), CROWD: (job, crowd)}
    tell_ratios(room, runs, {"million_users": (CROWD, USUAL)}, SIZES.repeats)
