"""How often does a user who hovers at a threshold enter and leave?

`python -m tests.benchmarks.flapping` prints, for several ways to write the same segment, how many
transitions an hour a user has whose spending of the last hour is the threshold but for noise.
The noise is an AR(1) process: a step every ten seconds keeps `MEMORY` of what was and adds a
normal draw, so that in the long run it spreads by `SPREAD` around the threshold. It is seeded,
and the same for every way.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from operators.base.arrays import Floats
from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.rules.holdouts import JudgedUsers
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from operators.rules.standing import NEVER_IN

THRESHOLD: Final = 100.0
SPREAD: Final = 10.0
MEMORY: Final = 0.9
STEP_US: Final = 10_000_000
STEPS_AN_HOUR: Final = 360
START_US: Final = 1_790_000_000_000_000

WAYS: Final[Mapping[str, SegmentSpec]] = {
    "when alone": SegmentSpec("spend_1h > 100"),
    "leave_when 5 below": SegmentSpec("spend_1h > 100", leave_when="spend_1h < 95"),
    "leave_when 15 below": SegmentSpec("spend_1h > 100", leave_when="spend_1h < 85"),
    "min_dwell 5m": SegmentSpec("spend_1h > 100", min_dwell="5m"),
    "cooldown 5m": SegmentSpec("spend_1h > 100", cooldown="5m"),
    "all three": SegmentSpec(
        "spend_1h > 100", leave_when="spend_1h < 85", min_dwell="5m", cooldown="5m"
    ),
}


def spending(hours: int, seed: int) -> Floats:
    """What the user has spent, at every step."""
    draws = np.random.default_rng(seed).normal(size=hours * STEPS_AN_HOUR)
    noise = np.empty(len(draws))
    last = 0.0
    for at, drawn in enumerate(draws * SPREAD * sqrt(1 - MEMORY**2)):
        last = noise[at] = MEMORY * last + drawn
    return THRESHOLD + noise


def transitions_an_hour(hours: int = 100, seed: int = 1) -> dict[str, float]:
    """By way, how often the user enters or leaves in an hour."""
    columns = {"spend_1h": FeatureColumn("spend_1h", Kind.NUMBER)}
    rulebook = Rulebook.compile(WAYS, columns, step_us=STEP_US, version=1)
    standings, users = (
        np.full((1, len(WAYS)), NEVER_IN),
        JudgedUsers(["ann"], _NO_HASH, np.zeros(1, int)),
    )
    moves = np.zeros(len(WAYS), int)
    for step, spent in enumerate(spending(hours, seed)):
        now_us = np.array([START_US + step * STEP_US])
        frame = Frame(columns, np.array([[spent]]), now_us, Dictionary())
        changes = rulebook.judge(frame, standings, users).changes
        standings[changes.users, changes.segments] = changes.standings
        moves[changes.segments] += 1
    return dict(zip(rulebook.names, (moves / hours).tolist(), strict=True))


def main() -> None:
    """Print the table."""
    table = Table(title="a user who hovers at a threshold")
    table.add_column("the segment has")
    table.add_column("transitions an hour", justify="right")
    for way, count in transitions_an_hour().items():
        table.add_row(way, f"{count:.1f}")
    Console().print(table)


_NO_HASH: Final = np.zeros(1, np.uint32)

if __name__ == "__main__":
    main()
