"""How many days and cohorts are kept is counted as they come and go."""

from __future__ import annotations

import msgspec
import numpy as np

from operators.outcomes.delta import CohortDelta, DayDelta, Delta
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.periods import Periods
from operators.outcomes.spec import OutcomesSpec
from operators.outcomes.totals import OutcomeTotals

SPEC = msgspec.convert(
    {"named": {"conversion": {"event": "purchase"}}, "cohorts": "day", "keep": "10d"}, OutcomesSpec
)
OUTCOMES = Outcomes.of(SPEC)


def came(day: int, *, clusters: bool = False) -> Delta:
    """Two users of both segments on a day, who entered on it."""
    groups = np.ones((3, 2, OUTCOMES.width), np.int64)
    numbers = np.ones(OUTCOMES.width, np.int64).tobytes()
    moves = np.zeros((2, 3), np.int64)
    of_clusters = [(0, 7, numbers, moves[0].tobytes())] if clusters else []
    cohort = np.ones(OUTCOMES.cohort_width + Periods.KEPT)
    return Delta(
        [("A", "x"), ("B", "y")],
        [("shoppers", "z")],
        [DayDelta(day, groups.tobytes(), moves.tobytes(), of_clusters)],
        [CohortDelta(0, 0, day, -1, cohort.tobytes())],
    )


def test_days_and_cohorts_are_counted_as_they_come_and_go() -> None:
    kept: dict[str, bytes] = {}
    totals = OutcomeTotals(OUTCOMES, kept)
    totals.add(came(20_000))
    assert totals.known == (2, 1)
    totals.add(came(20_000))  # the same day
    totals.add(came(20_004, clusters=True))
    assert totals.known == (5, 2)
    assert len(list(totals.take_changed(1))) == 7
    totals.add(came(20_012))
    changed = dict(totals.take_changed(2))
    assert sum(record.gone for record in changed.values()) == 3  # those of the first day
    assert totals.known == (5, 2)
    assert OutcomeTotals(OUTCOMES, kept).known == totals.known  # as after a restart
