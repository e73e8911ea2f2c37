"""Local times against those of the standard library, also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.kinds.local_time import PARTS, local_us
from tests.effort import examples

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata"),
    *("Africa/Casablanca", "Africa/Monrovia", "Australia/Lord_Howe", "Pacific/Apia"),
)
# Berlin in spring and autumn of 2026, New York, Lord Howe (by half an hour), Apia (by a day).
CHANGES = (1_774_746_000, 1_792_890_000, 1_772_953_200, 1_775_314_800, 1_325_239_200)

moments = st.one_of(
    st.integers(0, 4_080_000_000 * SECOND),
    st.builds(
        lambda change, off: change * SECOND + off,
        st.sampled_from(CHANGES),
        st.integers(-2, 2) | st.integers(-7200 * SECOND, 7200 * SECOND),
    ),
)


@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from(ZONES))
@settings(max_examples=examples(300), deadline=None)
def test_hours_and_weekdays_are_those_of_the_zone(times: list[int], zone: str) -> None:
    shown = local_us(np.array(times, np.int64), zone)
    local = [(EPOCH + timedelta(microseconds=t)).astimezone(ZoneInfo(zone)) for t in times]
    assert PARTS["hour"](shown).tolist() == [moment.hour for moment in local]
    assert PARTS["weekday"](shown).tolist() == [moment.isoweekday() for moment in local]


def test_the_moments_that_are_tried_are_those_at_which_clocks_are_changed() -> None:
    assert all(
        any(
            np.ptp(local_us(np.array([change * SECOND - 1, change * SECOND]), zone)) > 1
            for zone in ZONES
        )
        for change in CHANGES
    )
