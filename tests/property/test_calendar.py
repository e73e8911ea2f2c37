"""Windows of the calendar against the oracle, by both clocks, also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.features.calendar import Calendar
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from operators.features.zones import days_begin_us, local_days
from tests.effort import examples
from tests.oracle import SECOND, Conditions, Event, User, replay
from tests.property.calendar_cases import CHANGES, DAY, HOUR, ZONES, events, features, steps
from tests.property.feeding import feed, read, same
from tests.property.pipeline import pipeline, segments_of
from tests.property.replay_cases import told
from tests.property.strategies import GAP, cuts
from tests.property.wall_lane import Course, WallLane

RETAINED = (DAY, 64)  # of last month, the longest
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

zones = st.sampled_from(ZONES)
moments = st.builds(
    lambda change, off: change * SECOND + off,
    st.sampled_from(CHANGES),
    st.integers(-2, 2) | st.integers(-48 * 3600, 48 * 3600).map(lambda seconds: seconds * SECOND),
)


def compiled(specs: dict[str, dict[str, Any]]) -> Catalog:
    return Catalog.compile({x: msgspec.convert(of, FeatureSpec) for x, of in specs.items()}, GAP)


@given(st.lists(moments, min_size=1, max_size=20), zones)
@settings(max_examples=examples(300), deadline=None)
def test_days_are_those_of_the_zone(times: list[int], zone: str) -> None:
    local = [(EPOCH + timedelta(microseconds=t)).astimezone(ZoneInfo(zone)) for t in times]
    found = local_days(np.array(times), zone).tolist()
    assert found == [(moment.date() - EPOCH.date()).days for moment in local]


@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from([*ZONES, "America/St_Johns"]))
@settings(max_examples=examples(300), deadline=None)
def test_days_begin_at_their_first_moment(times: list[int], zone: str) -> None:
    days = local_days(np.array(times), zone) + np.arange(len(times)) % 3
    begins = days_begin_us(days, zone)
    assert (local_days(begins, zone) >= days).all()
    assert (local_days(begins - 1, zone) < days).all()


def test_a_day_that_has_begun_goes_on_where_clocks_are_set_back_across_midnight() -> None:
    """At St. John's in 1987 to 2011, one minute after midnight to one minute past 23h."""
    change = round(datetime(2010, 11, 7, 2, 31, tzinfo=UTC).timestamp()) * SECOND
    times = change + np.array([-60 * SECOND - 1, -60 * SECOND, -1, 0, 59 * 60 * SECOND, HOUR])
    days = local_days(times, "America/St_Johns")
    assert (days - days[0]).tolist() == [0, 1, 1, 1, 1, 1]


@given(chosen=events(), zone=zones, data=st.data())
@settings(max_examples=examples(250), deadline=None)
def test_all_features_of_the_calendar_equal_the_oracle(
    chosen: list[Event], zone: str, data: st.DataObject
) -> None:
    specs = features(zone)
    profiles, oracle = Profiles(compiled(specs)), User(specs, {}, RETAINED, GAP, False)
    for cut in cuts(data.draw, len(chosen)):
        late = feed(profiles, chosen[cut], by_id=False)
        taken = [oracle.add(event) for event in chosen[cut]]
        assert [at for at, one in enumerate(taken) if not one] == sorted(late)
        if oracle.events:
            now = oracle.newest + data.draw(steps) - HOUR
            found, expected = read(profiles, "ann", now), oracle.values(now)
            assert same(found, expected), (found, expected)


@given(chosen=events(), zone=zones, data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_nothing_changes_before_the_change_that_is_told(
    chosen: list[Event], zone: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(features(zone))))
    profiles = Profiles(compiled({name: features(zone)[name]}))
    feed(profiles, chosen, by_id=False)
    row = np.array([profiles.table.index["ann"]])
    now = max(event.time for event in chosen) + data.draw(steps)
    evaluation = profiles.evaluate(row, np.array([now]))
    change = int(evaluation.change_us[0])
    assert change > now
    later = data.draw(st.integers(now, min(change - 1, now + 70 * DAY)))
    for moment in (later, min(change - 1, now + 70 * DAY)):
        after = profiles.evaluate(row, np.array([moment])).values
        np.testing.assert_array_equal(evaluation.values, after)


SEGMENTS = {
    "Today": {"when": "views_today >= 1"},
    "Not today": {"when": "views_yesterday > 0 AND views_today = 0"},
    "Weekly": {"when": "spend_this_week > 30", "leave_when": "days_this_week < 2"},
    "Monthly": {"when": "days_this_month >= 2 OR visits_last_month > 1"},
    "Regular": {"when": "days_2d = 2 AND shops_today >= 1"},
    "Cheap": {"when": "least_yesterday < 1 OR mean_last_month < 3"},
}


def asked(zone: str) -> dict[str, dict[str, Any]]:
    text = " ".join(" ".join(spec.values()) for spec in SEGMENTS.values())
    return {name: spec for name, spec in features(zone).items() if name in text}


@given(
    chosen=events(most=8, longest=12 * DAY),
    zone=zones,
    resolution=st.sampled_from([HOUR, 7 * HOUR // 4]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_by_the_event_clock_memberships_end_with_the_day(
    chosen: list[Event], zone: str, resolution: int, data: st.DataObject
) -> None:
    specs = asked(zone)
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 70 * 24)) * HOUR
    run = pipeline(specs, SEGMENTS, GAP, lanes=1, resolution=resolution, by_id=False)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    user = User(specs, {}, RETAINED, GAP, False)
    expected = replay(user, chosen, SEGMENTS, resolution, as_of)
    assert told(run) == {("ann", *move) for move in expected}


@given(chosen=events(most=8), zone=zones, data=st.data())
@settings(max_examples=examples(100), deadline=None)
def test_by_the_wall_clock_memberships_end_with_the_day(
    chosen: list[Event], zone: str, data: st.DataObject
) -> None:
    specs, plain = asked(zone), {x: {"when": of["when"]} for x, of in SEGMENTS.items()}
    start = min(event.time for event in chosen)
    lane = WallLane(compiled(specs), segments_of(plain, 1), start, Course(), every=False)
    oracle, conditions = User(specs, {}, RETAINED, GAP, False), Conditions()
    for event in chosen:
        lane.wait(max(event.time, lane.now_us) // SECOND * SECOND + SECOND)
        lane.feed([event])
        oracle.add(event)
        lane.wait(lane.now_us + data.draw(steps))
        now = lane.now_us // SECOND * SECOND
        values = oracle.values(now)
        expected = {x for x, of in plain.items() if conditions.holds(of["when"], values)}
        assert {name for name, count in lane.members().items() if count} == expected


def test_without_the_look_at_its_end_a_day_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    specs, at = {"views_today": features("UTC")["views_today"]}, CHANGES[0] * SECOND
    rule = segments_of({"Today": {"when": "views_today >= 1"}}, 1)
    for ends, members in ((True, 0), (False, 1)):
        if not ends:
            monkeypatch.setattr(Calendar, "begins_us", lambda _, periods: periods * 0 + NEVER)
        lane = WallLane(compiled(specs), rule, at, Course(), every=False)
        lane.feed([Event("ann", at, "view", None, {"price": None, "shop": None})])
        lane.wait(at + DAY)
        assert lane.members() == {"Today": members}


@pytest.mark.parametrize(
    ("clock", "ends"),
    [
        # In Berlin clocks are set back at 3h on the 25th, a Sunday: that day has 25 hours.
        ("views_today", "2026-10-25T23:00:00"),
        ("views_this_week", "2026-10-25T23:00:00"),
        ("views_this_month", "2026-10-31T23:00:00"),
        ("views_yesterday", "2026-10-26T23:00:00"),
        ("views_last_month", "2026-11-30T23:00:00"),
    ],
)
def test_when_windows_end(clock: str, ends: str) -> None:
    specs = {clock: features("Europe/Berlin")[clock]}
    profiles = Profiles(compiled(specs))
    at = round(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp()) * SECOND
    empty = {"price": None, "shop": None}
    feed(profiles, [Event("ann", at, "view", None, empty)], by_id=False)
    row, now = np.array([profiles.table.index["ann"]]), at
    values = []
    while now < 1 << 62:
        evaluation = profiles.evaluate(row, np.array([now]))
        values.append((float(evaluation.values[0, 0]), now))
        now = int(evaluation.change_us[0])
    end = round(datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp()) * SECOND
    assert values[-1] == (0.0, end)
    assert values[-2][0] == 1.0
