"""What is told of days and cohorts over time: versions that grow, and a last word of what goes."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from operators.contracts.outcomes import CohortOutcomes, DayOutcomes, OutcomeRecord
from operators.outcomes.delta import CohortDelta, DayDelta, Delta
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.periods import Periods
from operators.outcomes.spec import OutcomesSpec
from operators.outcomes.totals import OutcomeTotals

SPEC: Final = msgspec.convert(
    {"named": {"sales": {"event": "purchase"}}, "cohorts": "day", "keep": "2d"}, OutcomesSpec
)
OUTCOMES: Final = Outcomes.of(SPEC)
KEPT_DAYS: Final = 2


def on(day: int, entries: int = 0, exits: int = 0) -> Delta:
    """Users enter and leave a segment on a day; one of them is its cohort."""
    groups = np.zeros((3, 1, OUTCOMES.width), np.int64)
    moves = np.array([[entries, exits, 0]], np.int64)
    numbers = np.zeros(OUTCOMES.cohort_width + Periods.KEPT)
    numbers[0] = 1
    cohort = CohortDelta(0, 0, day, -1, numbers.tobytes())
    days = [DayDelta(day, groups.tobytes(), moves.tobytes(), [])]
    return Delta([("Buyers", "s1")], [], days, [cohort])


def told(totals: OutcomeTotals, version: int) -> dict[str, OutcomeRecord]:
    return dict(totals.take_changed(version))


def test_what_is_no_longer_kept_is_told_to_be_gone_and_its_members_pass_on() -> None:
    totals = OutcomeTotals(OUTCOMES, {})
    for day, entries, exits in ((10, 5, 1), (11, 3, 2)):
        totals.add(on(day, entries, exits))
    assert told(totals, 1).keys() == {
        *("day/Buyers/s1/10", "day/Buyers/s1/11", "cohort/Buyers/s1/10", "cohort/Buyers/s1/11")
    }
    totals.add(on(11 + KEPT_DAYS, 1))
    found = told(totals, 2)
    day = found.pop("day/Buyers/s1/10")
    assert day == DayOutcomes("Buyers", "s1", "1970-01-11", version=2, gone=True)
    cohort = found.pop("cohort/Buyers/s1/10")
    assert cohort == CohortOutcomes("Buyers", "s1", "1970-01-11", version=2, gone=True)
    first = found.pop("day/Buyers/s1/11")
    assert isinstance(first, DayOutcomes)
    assert (first.members_before, first.entries, first.exits) == (4, 3, 2)
    assert not any(record.gone for record in found.values())


def test_what_is_told_of_a_day_that_is_gone_is_that_it_is_gone() -> None:
    totals = OutcomeTotals(OUTCOMES, {})
    totals.add(on(20, 1))
    told(totals, 1)
    totals.add(on(10, 1))
    late = told(totals, 2)
    assert {key: record.gone for key, record in late.items() if key.endswith("/10")} == {
        "day/Buyers/s1/10": True
    }
    (first,) = (record for record in late.values() if not record.gone)
    assert isinstance(first, DayOutcomes)
    assert first.members_before == 1


def test_versions_grow_though_the_clock_goes_back_and_the_job_goes_on_elsewhere() -> None:
    kept: dict[str, bytes] = {}
    totals = OutcomeTotals(OUTCOMES, kept)
    totals.add(on(10))
    assert {record.version for record in told(totals, 500).values()} == {500}
    assert told(totals, 600) == {}
    totals = OutcomeTotals(OUTCOMES, kept)
    assert totals.known == (0, 1)
    totals.add(on(10))
    assert {record.version for record in told(totals, 400).values()} == {501}
    assert {record.version for _, record in totals.everything(700)} == {700}
