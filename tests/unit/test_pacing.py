"""When each event of a file is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flink_job.loading.pacing import as_it_happened, at_once, evenly

LATEST_US = 2_000_000_000_000_000
TIMES = st.lists(st.none() | st.integers(0, 2 * LATEST_US), max_size=30)


def test_at_once_nothing_waits() -> None:
    assert [at_once(time_us) for time_us in (None, 5, 10**15)] == [0, 0, 0]


def test_evenly_the_first_goes_at_once_and_the_rest_at_the_rate() -> None:
    pace = evenly(4)
    assert [pace(None) for _ in range(5)] == [0, 0.25, 0.5, 0.75, 1]


def test_as_it_happened_keeps_the_proportions() -> None:
    pace = as_it_happened(10, LATEST_US)
    assert [pace(s * 1_000_000) for s in (100, 100, 130, 400)] == [0, 0, 3, 30]


@given(TIMES, st.sampled_from([0.5, 1, 60]))
def test_as_it_happened_goes_by_the_newest_usable_time_so_far(
    times_us: list[int | None], speed: float
) -> None:
    pace = as_it_happened(speed, LATEST_US)
    usable: list[int] = []
    for time_us in times_us:
        if time_us is not None and time_us <= LATEST_US:
            usable.append(time_us)
        elapsed_us = max(usable) - usable[0] if usable else 0
        assert pace(time_us) == pytest.approx(elapsed_us / 1e6 / speed)
