"""What do 200 segments cost instead of 6? Judging alone, without Flink.

`python -m tests.benchmarks.judging` judges batches of 500 of 10,000 users by 12 features, as a
lane of Assign does it, by the six segments of the benchmark of the whole job and by 200, in
turns, and prints microseconds a user for each part of the work. Ratios within one run hold on a
noisy machine; the times themselves don't.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from operators.features.catalog import Catalog
from operators.features.clocks import Round
from operators.features.spec import FeatureSpec
from operators.frame import FeatureColumn, Floats, Kind
from operators.membership.members import CLUSTER, Members
from operators.membership.publish import publish
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.benchmarks.segment import FEATURES, SEGMENTS

USERS: Final = 10_000
BATCH: Final = 500
MINUTE_US: Final = 60_000_000
DAY_US: Final = 1_440 * MINUTE_US
START_US: Final = 1_790_000_000_000_000
GAP_US: Final = 30 * MINUTE_US
NOBODY: Final = np.zeros(0, np.int64)

# Thresholds that analysts would choose, each with how it is compared.
THRESHOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "product_views": (">= 3", ">= 5", "> 10", "= 0"),
    "session_minutes": ("> 5", "> 10", "< 1"),
    "views_1h": (">= 3", ">= 10", "= 0"),
    "carts_1h": (">= 1", ">= 2", "= 0"),
    "events_24h": ("> 30", "> 10", "BETWEEN 1 AND 5"),
    "spend_30d": ("> 100", "> 500", "> 1500", "= 0"),
    "spend": ("> 200", "> 5000", "= 0"),
    "categories_7d": (">= 2", ">= 4"),
    "visits_30d": (">= 2", ">= 5", "= 1"),
    "since_purchase": ("< 1440", "< 10080", "> 43200", "IS NULL"),
    "last_price": ("> 50", "> 300", "< 20"),
    "device": ("= 'mobile'", "= 'desktop'", "IN ('mobile', 'tablet')"),
}


def many_segments(count: int, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Segments as a marketing department has them: two or three comparisons each, a quarter
    with a condition to leave, a third with a shortest stay, some with a cool-down."""
    draw = random.Random(seed)
    found: dict[str, dict[str, Any]] = {}
    for number in range(count):
        names = draw.sample(sorted(THRESHOLDS), draw.choice((2, 2, 3)))
        parts = [f"{name} {draw.choice(THRESHOLDS[name])}" for name in names]
        spec: dict[str, Any] = {"when": " AND ".join(parts)}
        if draw.random() < 0.25:
            spec["leave_when"] = f"NOT ({parts[0]})"
        if draw.random() < 0.33:
            spec["min_dwell"] = draw.choice(("5m", "30m"))
        if draw.random() < 0.1:
            spec["cooldown"] = "1h"
        found[f"Segment {number}"] = spec
    return found


class Lane:
    """A lane of Assign whose users keep doing things."""

    def __init__(self, segments: Mapping[str, Mapping[str, Any]]) -> None:
        specs = {name: msgspec.convert(spec, FeatureSpec) for name, spec in FEATURES.items()}
        self.columns = Catalog.compile(specs, GAP_US).columns
        rulebook = Rulebook.compile(
            {name: msgspec.convert(spec, SegmentSpec) for name, spec in segments.items()},
            {**self.columns, CLUSTER: FeatureColumn(CLUSTER, Kind.NUMBER)},
            step_us=MINUTE_US,
            version=1,
        )
        self.members = Members(self.columns, rulebook, None, 1)
        self.random = np.random.default_rng(1)
        self.rows = self.members.table.rows_of([f"user-{at:05}" for at in range(USERS)])
        self.codes = self.members.table.codes_of(["mobile", "desktop", "tablet"])
        self.values = np.array([self._drawn(name, USERS) for name in self.columns])
        self.now_us = START_US
        self.spent_ns: dict[str, int] = {}
        self.changed = 0

    def batch(self) -> None:
        """Let some users do something, and judge them."""
        self.now_us += 100_000
        at = np.sort(self.random.choice(USERS, BATCH, replace=False))
        for row, name in enumerate(self.columns):
            moving = at[self.random.random(BATCH) < 0.2]
            self.values[row, moving] = self._drawn(name, len(moving))
        round_ = Round(at, np.full(BATCH, self.now_us), self.values[:, at])
        members = self.members
        self._timed("journal", lambda: members.begin([round_], self.now_us, NOBODY))
        judged = self._timed(
            "judge", lambda: list(members.judge([round_], None, self.now_us, exact=False))
        )
        for verdicts in judged:
            self.changed += len(verdicts.changed)
            self._timed(
                "publish",
                lambda verdicts=verdicts: list(
                    publish(verdicts, members.table, members.rulebook, 1, None)
                ),
            )
        self._timed("journal", members.journal.commit)

    def _drawn(self, name: str, count: int) -> Floats:
        """Values of a feature: mostly small, now and then large, as those of shoppers."""
        if name == "device":
            return self.random.choice(self.codes, count).astype(float)
        if self.columns[name].kind is Kind.AGE:
            moments = self.now_us - self.random.integers(0, 60 * DAY_US, count)
            return np.where(self.random.random(count) < 0.5, np.nan, moments)
        scale = 200 if name in ("spend", "spend_30d", "last_price") else 4
        return np.floor(self.random.exponential(scale, count))

    def _timed(self, part: str, work: Callable[[], Any]) -> Any:
        started_ns = time.perf_counter_ns()
        result = work()
        spent_ns = time.perf_counter_ns() - started_ns
        self.spent_ns[part] = self.spent_ns.get(part, 0) + spent_ns
        return result


def measure(batches: int, repeat: int) -> dict[str, tuple[dict[str, float], float]]:
    """By number of segments: microseconds a judged user of each part, and changed users in %."""
    lanes = {"6 segments": Lane(SEGMENTS), "200 segments": Lane(many_segments(200))}
    spent: dict[str, dict[str, list[float]]] = {name: {} for name in lanes}
    for lane in lanes.values():
        for _ in range(2 * USERS // BATCH):
            lane.batch()
        lane.changed = 0
    for _ in range(repeat):
        for name, lane in lanes.items():
            lane.spent_ns.clear()
            for _ in range(batches):
                lane.batch()
            for part, ns in lane.spent_ns.items():
                spent[name].setdefault(part, []).append(ns / 1_000 / batches / BATCH)
    return {
        name: (
            {part: statistics.median(times) for part, times in spent[name].items()},
            100 * lane.changed / (repeat * batches * BATCH),
        )
        for name, lane in lanes.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    table = Table(title="microseconds a user, median")
    parts = ("journal", "judge", "publish")
    for column in ("", *parts, "together", "changed"):
        table.add_column(column, justify="right")
    for name, (spent, changed) in measure(options.batches, options.repeat).items():
        together = sum(spent[part] for part in parts)
        shown = [f"{x:.2f}" for x in (*(spent[part] for part in parts), together)]
        table.add_row(name, *shown, f"{changed:.0f}%")
    Console().print(table)


if __name__ == "__main__":
    main()
