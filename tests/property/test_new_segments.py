"""New versions of the segments while events come: as if they had been there from the start."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.membership.lane import Lane
from operators.pages.journal import Compaction
from operators.rules.checking import MOST_SEGMENTS
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.pipeline import Pipeline, counted, memberships, pipeline, segments_of
from tests.property.replay_cases import CHOSEN, EXACT, MINUTE, OLD
from tests.property.strategies import GAP, cuts, events


def run_of(segments: dict[str, dict[str, Any]], lanes: int) -> Pipeline:
    return pipeline(CHOSEN, segments, GAP, lanes=lanes, resolution=MINUTE, by_id=True, steered=True)


@given(
    chosen=events(in_order=True),
    lanes=st.sampled_from([1, 3]),
    most=st.sampled_from([1, 2, 100]),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_segments_that_are_applied_have_the_members_of_those_from_the_start(
    chosen: list[Event], lanes: int, most: int, data: st.DataObject
) -> None:
    run, twin = run_of(OLD, lanes), run_of(EXACT, lanes)
    parts = cuts(data.draw, len(chosen))
    applied = data.draw(st.integers(0, len(parts) - 1))
    for number, cut in enumerate(parts):
        run.feed(chosen[cut])
        twin.feed(chosen[cut])
        if number == applied:
            run.take(EXACT, most)
            assert memberships(run) == memberships(twin)
        inside = Counter(name for names in memberships(run).values() for name in names)
        assert counted(run) == inside
    assert memberships(run) == memberships(twin)
    as_of = chosen[-1].time + data.draw(st.integers(0, 5000)) * SECOND
    run.finish(as_of)
    twin.finish(as_of)
    assert memberships(run) == memberships(twin)
    left = {(t.user, t.segment) for t in run.transitions if t.kind == "leave"}
    entered = {(t.user, t.segment) for t in run.transitions if t.kind == "enter"}
    assert {pair for pair in entered if pair[1] == "Gone"} <= left
    gone = [t.why for t in run.transitions if (t.segment, t.kind) == ("Gone", "leave")]
    assert all(why == ["the segment was deleted"] for why in gone)
    assert not any("Gone" in found.segments for found in run.assignments.values())


@given(chosen=events(in_order=True), crash_after=st.integers(0, 3))
@settings(max_examples=examples(100), deadline=None)
def test_a_sweep_goes_on_after_a_crash(chosen: list[Event], crash_after: int) -> None:
    run, twin = run_of(OLD, 1), run_of(EXACT, 1)
    run.feed(chosen)
    twin.feed(chosen)
    (pair,) = run._lanes.values()
    assert pair.judged.take(segments_of(EXACT, 2))
    if pair.judged.swept is not None:  # there are users, and none is judged by it
        assert (pair.judged.judged, pair.judged.counts()) == (0, None)
    state, log = pair.judged.members.journal.compact(), []
    state = Compaction(state.head, dict(state.pages))
    for _ in range(crash_after):
        if pair.judged.swept is not None:
            run._keep(pair.judged.sweep(None, None, 1))
            log.append(pair.judged.members.journal.commit())
    pair.judged = restored(pair.judged, state, log)
    while pair.judged.swept is not None:
        run._keep(pair.judged.sweep(None, None, 1))
    pair.judged.settle()
    assert memberships(run) == memberships(twin)


def restored(lane: Lane, state: Compaction, log: list[bytes]) -> Lane:
    """The lane as it comes back from state."""
    back = Lane(lane.rules, lane._members_by, lane._clock)
    assert not back.members.journal.restore(state.head, state.pages.values(), log)
    return back


@given(chosen=events(), most=st.sampled_from([1, 100]))
@settings(max_examples=examples(100), deadline=None)
def test_a_preview_counts_what_applying_does_and_changes_nothing(
    chosen: list[Event], most: int
) -> None:
    run = run_of(OLD, 1)
    run.feed(chosen)
    (pair,) = run._lanes.values()
    words = pair.judged.members.table.words.copy()
    before = memberships(run)
    counts = pair.judged.preview(segments_of(EXACT, 2).segments, None, None)
    np.testing.assert_array_equal(words, pair.judged.members.table.words)
    run.take(EXACT, most)
    after = memberships(run)
    for name, own in counts.items():
        was = {user for user, names in before.items() if name in names}
        is_ = {user for user, names in after.items() if name in names}
        assert (own.enter, own.leave, own.stay) == (len(is_ - was), len(was - is_), len(was & is_))


def test_as_many_segments_as_there_may_be_give_way_to_as_many_others() -> None:
    old, new = ({f"{name} {n}": {"when": "TRUE"} for n in range(MOST_SEGMENTS)} for name in "AB")
    run = run_of(old, 1)
    run.feed([Event("ann", MINUTE, "view", properties={"price": 1.0, "shop": "a", "device": "a"})])
    run.finish(20 * MINUTE)
    (pair,) = run._lanes.values()
    assert len(pair.judged.preview(segments_of(new, 2).segments, None, None)) == 2 * MOST_SEGMENTS
    run.take(new, 100)
    assert memberships(run) == {"ann": set(new)}


def test_an_older_version_is_passed_over() -> None:
    run = run_of(OLD, 1)
    run.feed(
        [Event("ann", 7 * MINUTE, "view", properties={"price": 1.0, "shop": "a", "device": "a"})]
    )
    (pair,) = run._lanes.values()
    assert not pair.judged.take(segments_of(EXACT, 1))
    assert pair.judged.swept is None
    assert set(pair.judged.rules.segments.segments) == set(OLD)
