"""What segments are worth against the oracle, whatever batches, lanes and late events there are."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts.outcomes import (
    DayOutcomes,
    OutcomeRecord,
)
from operators.features.catalog import Catalog
from operators.features.lifetime import Lifetime
from operators.outcomes.outcomes import read_beside
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.outcome_cases import (
    OUTCOMES,
    check,
    expected,
    held,
    measuring,
    moves_of,
    own_numbers,
    records_of,
    settings_of,
    stock,
)
from tests.property.pipeline import counted
from tests.property.replay_cases import INTRICATE, MINUTE, SEGMENTS
from tests.property.strategies import GAP, START, cuts, events
from tests.property.wall_lane import Course, WallLane


@given(
    chosen=events(in_order=True) | events(),
    lanes=st.sampled_from([1, 2, 5]),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    cohorts=st.sampled_from(["day", "week", "month"]),
    parts=st.integers(1, 4),
    noted=st.sampled_from([0, 4, 1_000]),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_what_segments_are_worth_is_what_the_oracle_counts(
    chosen: list[Event],
    lanes: int,
    resolution: int,
    cohorts: str,
    parts: int,
    noted: int,
    data: st.DataObject,
) -> None:
    run = measuring(INTRICATE, resolution, cohorts, lanes=lanes, noted=noted)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(max(event.time for event in chosen) + data.draw(st.integers(1, 5000)) * SECOND)
    check(records_of(run, parts), expected(chosen, moves_of(run), list(INTRICATE), cohorts))


@given(
    chosen=events(in_order=True) | events(),
    lanes=st.sampled_from([1, 3]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_who_is_held_out_is_measured_beside_the_members(
    chosen: list[Event], lanes: int, data: st.DataObject
) -> None:
    """Held out are those who enter nothing where, without the holdout, they would."""
    end = max(event.time for event in chosen) + data.draw(st.integers(1, 5000)) * SECOND
    halved = {name: {**spec, "holdout": "50%"} for name, spec in SEGMENTS.items()}
    runs = [measuring(x, MINUTE, "day", lanes=lanes) for x in (halved, SEGMENTS)]
    for run in runs:
        for cut in cuts(data.draw, len(chosen)):
            run.feed(chosen[cut])
        run.finish(end)
    own, everyone = (moves_of(run) for run in runs)
    moves = {
        user: [held(each, own.get(user, [])) for each in found] for user, found in everyone.items()
    }
    check(records_of(runs[0]), expected(chosen, moves, list(SEGMENTS), "day"))


@given(
    chosen=events(in_order=True) | events(),
    most=st.sampled_from([1, 3, 1_000]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_by_the_wall_clock_events_count_by_how_users_stood_before_they_came(
    chosen: list[Event], most: int, data: st.DataObject
) -> None:
    own = settings_of(SEGMENTS)
    catalog = Catalog.compile(own.features, GAP, read_beside(OUTCOMES))
    course = Course(by_id=True, most=most)
    lane = WallLane(catalog, own.segments, START, course, measured=own)
    came: dict[int, int] = {}
    for cut in cuts(data.draw, len(chosen)):
        newest = max((event.time for event in chosen[cut]), default=START)
        lane.wait(max(newest, lane.now_us) + data.draw(st.integers(0, 90)) * SECOND)
        lane.now_us += 1  # all that time brought about is told
        came |= dict.fromkeys(range(cut.start, cut.stop), lane.now_us)
        lane.feed(chosen[cut])
        lane.now_us += 1
        if data.draw(st.booleans()):
            lane.settle()
    lane.wait(lane.now_us + data.draw(st.integers(1, 5000)) * SECOND)
    lane.settle()
    check(records_of(lane), expected(chosen, moves_of(lane), list(SEGMENTS), came=came))


@given(
    chosen=events(in_order=True),
    lanes=st.sampled_from([1, 3]),
    most=st.sampled_from([1, 2, 100]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_a_changed_definition_begins_a_series_and_leaves_the_old_as_it_was(
    chosen: list[Event], lanes: int, most: int, data: st.DataObject
) -> None:
    changed = {**SEGMENTS, "Recent": {"when": "since_cart > 5"}, "New": {"when": "carts >= 1"}}
    del changed["Quiet"]
    run, twin = (
        measuring(SEGMENTS, lanes=lanes, steered=True, noted=noted) for noted in (1_000, 0)
    )
    parts = cuts(data.draw, len(chosen))
    applied = data.draw(st.integers(0, len(parts) - 1))
    before: list[OutcomeRecord] = []
    for number, cut in enumerate(parts):
        run.feed(chosen[cut])
        twin.feed(chosen[cut])
        if number == applied:
            run.settle()
            before = records_of(run)
            run.take(changed, most)
    as_of = chosen[-1].time + data.draw(st.integers(1, 5000)) * SECOND
    run.finish(as_of)
    twin.finish(as_of)
    found = records_of(run)
    same = SEGMENTS.keys() & {name for name, spec in changed.items() if SEGMENTS.get(name) == spec}
    assert own_numbers(found, same) == own_numbers(records_of(twin), same)
    left = own_numbers(before, {"Recent", "Quiet"})
    assert all(each in own_numbers(found, {"Recent", "Quiet"}) for each in left)
    assert len({each.series for each in before if each.name == "Recent"}) <= 1
    assert stock(found, changed, run) == counted(run)


@given(chosen=events(in_order=True), lanes=st.sampled_from([1, 3]), data=st.data())
@settings(max_examples=examples(40), deadline=None)
def test_who_is_forgotten_leaves_and_what_they_brought_stays(
    chosen: list[Event], lanes: int, data: st.DataObject
) -> None:
    lifetime = Lifetime(3_600 * SECOND, MINUTE)
    noted = data.draw(st.sampled_from([0, 4, 1_000]))
    run = measuring(SEGMENTS, lanes=lanes, lifetime=lifetime, noted=noted)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(chosen[-1].time + data.draw(st.integers(1, 9_000)) * SECOND)
    found = records_of(run)
    assert stock(found, SEGMENTS, run) == counted(run)
    bought = Counter(event.type for event in chosen)["purchase"]
    for name in SEGMENTS:
        days = [x for x in found if isinstance(x, DayOutcomes) and x.name == name]
        groups = [group for day in days for group in (day.members, day.others)]
        assert sum(group.conversions.get("conversion", 0) for group in groups) == bought
