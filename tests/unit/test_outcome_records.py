"""Reading what was published of outcomes: of each key the newest."""

from __future__ import annotations

from flink_job.queries.outcomes import newest_outcomes
from operators.contracts.outcomes import CohortOutcomes, DayOutcomes, OutcomeRecord
from operators.contracts.records import encode


def day(name: str, version: int, **more: str) -> DayOutcomes:
    return DayOutcomes(name=name, series="s", day="2026-11-02", version=version, **more)


def lines(*records: OutcomeRecord) -> list[tuple[bytes | None, bytes | None]]:
    return [(None, encode(each)) for each in records]


def test_of_each_key_the_newest_counts() -> None:
    segment, cluster = day("3", 7), day("3", 5, model="shoppers")
    cohort = CohortOutcomes(name="3", series="s", cohort="2026-11-02", version=1)
    other = CohortOutcomes(name="3", series="t", cohort="2026-11-02", version=1)
    phone = CohortOutcomes(name="3", series="s", cohort="2026-11-02", stratum="phone")
    said = lines(day("3", 6), segment, day("3", 2), cluster, cohort, other, phone)
    assert newest_outcomes(said) == [segment, cluster, cohort, other, phone]


def test_of_two_that_are_as_new_the_last_counts() -> None:
    first, last = DayOutcomes("A", "s", "2026-11-02", entries=1), day("A", 0)
    assert newest_outcomes(lines(first, last)) == [last]


def test_what_was_let_go_or_is_none_is_passed_over() -> None:
    kept, gone = day("A", 1), day("B", 1)
    said = [(b"a", encode(kept)), (b"b", encode(gone)), (b"b", None), (b"c", None)]
    assert newest_outcomes([*said, (None, b"garbage"), (None, b"\xff")]) == [kept]
