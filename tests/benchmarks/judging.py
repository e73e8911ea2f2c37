"""What do 200 segments cost instead of 6? The work of one lane in Python, without Flink.

`python -m tests.benchmarks.judging` takes events of the demo's shop through everything that
Profile and Assign do with them, by the six segments of the benchmark of the whole job and by
200, in turns, and prints microseconds of CPU time an event for each part. Ratios within one run
hold on a noisy machine; the times themselves don't.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from operators.clustering.learning.learner import Learner
from operators.flink.interpreter import set_up
from tests.benchmarks.lanes import PARTS, Events, Lane
from tests.benchmarks.workloads.shop import shop
from tests.benchmarks.workloads.standard import STANDARD
from tests.benchmarks.workloads.workload import Workload

Result = TypeVar("Result")

USERS: Final = 2_500  # of a lane
BATCH: Final = 1_000  # events
END_US: Final = 1_790_000_000_000_000

# Thresholds that analysts would choose, each with how it is compared: on what users are, which
# changes with weeks, and on what they are doing, which changes with every visit.
TRAITS: Final[Mapping[str, tuple[str, ...]]] = {
    "spend_30d": ("> 100", "> 500", "> 1500", "= 0"),
    "spend": ("> 200", "> 5000", "= 0"),
    "categories_7d": (">= 2", ">= 4"),
    "visits_30d": (">= 2", ">= 5", "= 1"),
    "since_purchase": ("< 1440", "< 10080", "> 43200", "IS NULL"),
    "device": ("= 'mobile'", "= 'desktop'", "IN ('mobile', 'tablet')"),
}
DOINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "product_views": (">= 3", ">= 5", "> 10", "= 0"),
    "session_minutes": ("> 5", "> 10", "< 1"),
    "views_1h": (">= 3", ">= 10", "= 0"),
    "carts_1h": (">= 1", ">= 2", "= 0"),
    "events_24h": ("> 30", "> 10", "BETWEEN 1 AND 5"),
    "last_price": ("> 50", "> 300", "< 20"),
}


def many_segments(count: int, doing: float = 0.2, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Segments as a marketing department has them.

    Two or three traits each, in a share `doing` of them one of the traits gives way to what
    users are doing. A quarter have a condition to leave, a third a shortest stay, some a
    cool-down.
    """
    draw = random.Random(seed)
    found: dict[str, dict[str, Any]] = {}
    for number in range(count):
        names = draw.sample(sorted(TRAITS), draw.choice((2, 2, 3)))
        if draw.random() < doing:
            names[0] = draw.choice(sorted(DOINGS))
        parts = [f"{name} {draw.choice(({**TRAITS, **DOINGS})[name])}" for name in names]
        spec: dict[str, Any] = {"when": " AND ".join(parts)}
        if draw.random() < 0.25:
            spec["leave_when"] = f"NOT ({parts[0]})"
        if draw.random() < 0.33:
            spec["min_dwell"] = draw.choice(("5m", "30m"))
        if draw.random() < 0.1:
            spec["cooldown"] = "1h"
        found[f"Segment {number}"] = spec
    return found


def with_segments(segments: Mapping[str, Any]) -> Workload:
    """The standard workload with other segments."""
    return replace(STANDARD, segments=segments)


class TimedLane(Lane):
    """A lane that knows how much CPU it has spent on which part of its work."""

    def __init__(
        self, workload: Workload, *, wall: bool, lanes: int = 1, learner: Learner | None = None
    ) -> None:
        super().__init__(workload, wall=wall, lanes=lanes, learner=learner)
        self._spent_ns = dict.fromkeys(PARTS, 0)
        self._judged = self._changed = 0

    def spent(self, events: int) -> tuple[dict[str, float], float]:
        """Microseconds an event of each part, and changed users of those judged, since the
        last time.
        """
        us = {part: ns / 1_000 / events for part, ns in self._spent_ns.items()}
        changed = (self.changed - self._changed) / max(self.judged - self._judged, 1)
        self._spent_ns = dict.fromkeys(PARTS, 0)
        self._judged, self._changed = self.judged, self.changed
        return us, changed

    def timed(self, part: str, work: Callable[[], Result]) -> Result:
        """Do a part of the work, and add up what it takes."""
        started_ns = time.process_time_ns()
        result = work()
        self._spent_ns[part] += time.process_time_ns() - started_ns
        return result


def measure(events: Events, wall: bool, parts: int) -> dict[str, tuple[dict[str, float], float]]:
    """By segments: microseconds an event of each part of the work, and the share of the judged
    users who changed. The first of the parts of the events is not counted.
    """
    lanes = {
        "6 segments": TimedLane(STANDARD, wall=wall),
        "200 segments": TimedLane(with_segments(many_segments(200)), wall=wall),
        "200, all of doings": TimedLane(with_segments(many_segments(200, doing=1)), wall=wall),
    }
    found: dict[str, list[tuple[dict[str, float], float]]] = {name: [] for name in lanes}
    size = len(events) // parts
    for start in range(0, size * parts, size):
        for name, lane in lanes.items():
            for at in range(start, start + size, BATCH):
                lane.feed(events[at : at + BATCH], END_US)
            found[name].append(lane.spent(size))
    return {name: _medians(spent[1:]) for name, spent in found.items()}


def _medians(spent: Sequence[tuple[dict[str, float], float]]) -> tuple[dict[str, float], float]:
    us = {part: statistics.median(each[part] for each, _ in spent) for part in PARTS}
    return us, statistics.median(changed for _, changed in spent)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--parts", type=int, default=8)
    options = parser.parse_args()
    set_up()
    events = list(shop(END_US, options.events, USERS))[: options.events]
    for clock in ("wall", "event"):
        table = Table(title=f"{clock} clock: microseconds of CPU time an event, median")
        for column in ("", *PARTS, "together", "users changed"):
            table.add_column(column, justify="right")
        for name, (us, changed) in measure(events, clock == "wall", options.parts).items():
            shown = [f"{x:.2f}" for x in (*us.values(), sum(us.values()))]
            table.add_row(name, *shown, f"{100 * changed:.0f}%")
        Console().print(table)


if __name__ == "__main__":
    main()
