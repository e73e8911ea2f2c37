"""How what a lane costs grows with users, features, segments, clusters and smaller batches.

`python -m tests.benchmarks.growing` takes the same events through Profile, Learn and Assign,
without Flink, once for each way in which a job may be larger. It prints microseconds of CPU an
event, which another process on the machine disturbs less than time by the clock, and bytes of a
user's rows. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from operators.flink.interpreter import set_up
from tests.benchmarks.judging import END_US, TimedLane, many_segments, with_segments
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.shop import shop, spread
from tests.benchmarks.workloads.standard import CLUSTERS, STANDARD
from tests.benchmarks.workloads.workload import Workload

BATCH: Final = 1_000
USERS: Final = 2_500


class Way(NamedTuple):
    """A lane: its workload, users, and the events of a batch."""

    workload: Workload
    users: int = USERS
    batch: int = BATCH


class Cost(NamedTuple):
    """Microseconds of CPU an event of the parts of the work, and bytes of a user's rows."""

    us: Mapping[str, float]
    row_bytes: int


def _with_k(k: int) -> Mapping[str, Any]:
    return {"shoppers": {**CLUSTERS["shoppers"], "k": k}}


WAYS: Final = {
    "standard": Way(STANDARD),
    "4 times the users": Way(STANDARD, users=4 * USERS),
    "16 times the users": Way(STANDARD, users=16 * USERS),
    "batches of 100": Way(STANDARD, batch=100),
    "batches of 4,000": Way(STANDARD, batch=4_000),
    "no clusters": Way(replace(STANDARD, clusters={})),
    "20 clusters": Way(replace(STANDARD, clusters=_with_k(20))),
    "50 segments": Way(with_segments(many_segments(50))),
    "200 segments": Way(with_segments(many_segments(200))),
    "40 features, 30 segments": Way(RICH),
}


def cost(way: Way, events: int) -> Cost:
    """What a live lane costs, without the first half of the events."""
    lane = TimedLane(way.workload, wall=True)
    dealt = spread(shop(END_US, events, USERS), way.users // USERS)
    given = list(dealt)
    half = events // 2
    for start in range(0, half, way.batch):
        lane.feed(given[start : min(start + way.batch, half)], END_US)
    lane.spent(1)
    for start in range(half, events, way.batch):
        lane.feed(given[start : start + way.batch], END_US)
    us, _ = lane.spent(events - half)
    tables = lane.profiles.table, lane.members.table
    return Cost(us, sum(8 * table.layout.width for table in tables))


def main() -> None:
    """Print the table and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    set_up()
    table = Table(title="a live lane: microseconds of CPU an event, and bytes of a user's rows")
    for column in ("", "profile", "learn", "judge", "publish", "together", "bytes a user"):
        table.add_column(column, justify="right" if column else "left")
    figures = {}
    for name, way in WAYS.items():
        found = cost(way, options.events)
        together = sum(found.us.values())
        shown = [f"{us:.2f}" for us in (*found.us.values(), together)]
        table.add_row(name, *shown, f"{found.row_bytes:,}")
        figures[name] = {**found.us, "together": together, "row_bytes": found.row_bytes}
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
