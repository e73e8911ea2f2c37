"""What is told of days and cohorts over time: versions that grow, and a last word of what goes."""

from __future__ import annotations

import json
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


def key(kind: str, day: str) -> str:
    return json.dumps([kind, None, "Buyers", "s1", day, None], separators=(",", ":"))


def told(totals: OutcomeTotals, version: int) -> dict[str, OutcomeRecord]:
    return dict(totals.take_changed(version))


def test_what_is_no_longer_kept_is_told_to_be_gone_and_its_members_pass_on() -> None:
    totals = OutcomeTotals(OUTCOMES, {})
    for day, entries, exits in ((10, 5, 1), (11, 3, 2)):
        totals.add(on(day, entries, exits))
    keys = {key(kind, day) for kind in ("day", "cohort") for day in ("1970-01-11", "1970-01-12")}
    assert told(totals, 1).keys() == keys
    totals.add(on(11 + KEPT_DAYS, 1))
    found = told(totals, 2)
    day = found.pop(key("day", "1970-01-11"))
    assert day == DayOutcomes("Buyers", "s1", "1970-01-11", version=2, gone=True)
    cohort = found.pop(key("cohort", "1970-01-11"))
    assert cohort == CohortOutcomes("Buyers", "s1", "1970-01-11", version=2, gone=True)
    first = found.pop(key("day", "1970-01-12"))
    assert isinstance(first, DayOutcomes)
    assert (first.members_before, first.entries, first.exits) == (4, 3, 2)
    assert not any(record.gone for record in found.values())


def test_what_is_told_of_a_day_that_is_gone_is_that_it_is_gone() -> None:
    totals = OutcomeTotals(OUTCOMES, {})
    totals.add(on(20, 1))
    told(totals, 1)
    totals.add(on(10, 1))
    late = told(totals, 2)
    assert {own: record.gone for own, record in late.items() if "1970-01-11" in own} == {
        key("day", "1970-01-11"): True
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


def test_members_of_whom_nothing_came_since_are_there_at_the_first_day_that_is_kept() -> None:
    totals = OutcomeTotals(OUTCOMES, {})
    totals.add(on(10, 5, 1))
    told(totals, 1)
    other = on(11 + KEPT_DAYS, 1)
    totals.add(msgspec.structs.replace(other, segments=[("Lookers", "s1")]))
    days = [each for each in told(totals, 2).values() if isinstance(each, DayOutcomes)]
    (first,) = (each for each in days if each.name == "Buyers" and not each.gone)
    assert (first.day, first.members_before) == ("1970-01-12", 4)


def test_what_was_added_before_a_restart_and_not_told_is_told_after_it() -> None:
    kept: dict[str, bytes] = {}
    totals = OutcomeTotals(OUTCOMES, kept)
    totals.add(on(10, 1))
    expected = dict(OutcomeTotals(OUTCOMES, dict(kept)).take_changed(1))
    assert expected == dict(totals.take_changed(1)) != {}
    assert dict(OutcomeTotals(OUTCOMES, kept).take_changed(2)) == {}
