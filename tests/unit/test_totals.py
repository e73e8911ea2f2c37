"""What a job has counted over its attempts, and how fast it counts now."""

from __future__ import annotations

from collections.abc import Iterable

from flink_job.cli.progress import RecentRate
from flink_job.runtime.totals import Look, Totals


def told(looks: Iterable[tuple[int, int, int, int]]) -> list[int]:
    """The totals by looks: (attempt, committed, at, count)."""
    totals = Totals()
    return [
        totals.of(Look(attempt, committed, at, {"records": count}))["records"]
        for attempt, committed, at, count in looks
    ]


def test_one_attempt_is_told_as_it_counts() -> None:
    assert told([(100, 0, 200, 0), (100, 150, 500, 7), (100, 450, 800, 9)]) == [0, 7, 9]


def test_what_was_committed_is_kept_and_what_comes_again_counts_once() -> None:
    looks = [
        (100, 0, 1_000, 10),
        (100, 1_100, 2_000, 20),  # the first ten are committed
        (9_000, 1_100, 9_100, 0),
        (9_000, 1_100, 9_400, 10),  # the other ten again
        (9_000, 9_300, 9_700, 15),
    ]
    assert told(looks) == [10, 20, 20, 20, 25]


def test_a_taskmanager_that_is_missing_for_a_moment_takes_nothing_away() -> None:
    looks = [(100, 0, 1_000, 10), (100, 0, 2_000, 4), (100, 0, 9_000, 12), (100, 0, 9_300, 13)]
    assert told(looks) == [10, 10, 12, 13]


def test_nothing_counts_twice_after_many_failures_without_a_checkpoint() -> None:
    looks = [(1_000 * n, 0, 1_000 * n + 500, 5 + n) for n in range(1, 9)]
    assert told(looks) == [6, 7, 8, 9, 10, 11, 12, 13]


def test_an_operator_that_has_not_begun_again_has_counted_nothing_of_this_attempt() -> None:
    looks = [
        (100, 1_500, 1_000, {"read": 10, "written": 10}),
        (100, 1_500, 2_000, {"read": 11, "written": 11}),
        (3_000, 1_500, 3_100, {"read": 0, "written": 0}),  # both failures in a row
        (6_000, 1_500, 6_100, {"read": 0, "written": 0}),
        (6_000, 1_500, 6_400, {"read": 1, "written": 0}),
        (6_000, 6_300, 6_700, {"read": 1, "written": 1}),
    ]
    totals = Totals()
    found = [totals.of(Look(*look)) for look in looks]
    assert found[-1] == {"read": 11, "written": 11}
    assert all(each["written"] <= 11 for each in found)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = RecentRate()
    assert rate.of(0.0, 0) == 0.0
    assert rate.of(1.0, 100) == 100.0
    assert rate.of(5.0, 500) == 100.0
    assert [rate.of(second, 500) for second in (7.0, 10.0, 11.0)] == [400 / 6, 0.0, 0.0]
