"""Live, users are looked at when a verdict can change, by rules that change: and that is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.frame import Kind
from operators.contracts.control.messages import Preview, Started
from operators.contracts.control.passage import Passage
from operators.contracts.records import Counts
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import catalog_of
from tests.property.pipeline import pipeline, segments_of
from tests.property.replay_cases import MINUTE, iso, told
from tests.property.strategies import FEATURES, GAP, START, cuts, events, features
from tests.property.wall_lane import Course, WallLane
from tests.property.watched_cases import by_the_event_clock, segments

MORE: tuple[dict[str, Any], ...] = (
    {"paused": True},
    {"from": iso(4_000)},
    {"until": iso(9_000)},
    {"members": ["bob"]},
)


@st.composite
def changes(draw: st.DrawFn, names: list[str]) -> tuple[str, dict[str, Any]]:
    """What may happen to the rules of a job, or to the job."""
    what = draw(st.sampled_from(["apply", "apply", "preview", "restart", "away", "started"]))
    return what, draw(segments(names, MORE)) if what in ("apply", "preview", "away") else {}


def happen(lane: WallLane, what: str, asked: dict[str, Any], version: int) -> int:
    """Let it happen; gives the version of the segments from then on."""
    if what in ("apply", "away"):
        version += 1
    newest = segments_of(asked, version) if asked else lane.judged.rules.segments
    match what:
        case "apply":
            lane.tell(newest)
        case "preview":
            lane.tell(Preview("asked", newest.segments))
        case "started":
            lane.tell(Started("", {}, fresh=False))
        case _:
            lane.restart(newest)
    return version


@given(
    names=features,
    chosen=events(most=8),
    most=st.sampled_from([1, 2, 100]),
    pause_us=st.sampled_from([0, SECOND // 2, 70 * SECOND]),
    tardy=st.booleans(),
    by_id=st.booleans(),
    data=st.data(),
)
@settings(max_examples=examples(200), deadline=None)
def test_rules_that_change_are_judged_as_by_a_look_at_every_change(
    names: list[str],
    chosen: list[Event],
    most: int,
    pause_us: int,
    tardy: bool,
    by_id: bool,
    data: st.DataObject,
) -> None:
    catalog, first = catalog_of(names), segments_of(data.draw(segments(names, MORE)), 1)
    course = Course(by_id, most, pause_us, tardy)
    every, some = (WallLane(catalog, first, START, course, every=dumb) for dumb in (True, False))
    version = 1
    for event in chosen:
        happening = data.draw(st.none() | changes(names))
        now_us = max(every.now_us, event.time)
        for lane in (every, some):
            lane.wait(now_us)
            lane.feed([event])
        if happening is not None:
            for lane in (every, some):
                after = happen(lane, *happening, version)
            version = after
        assert some.members() == every.members()
    end_us = every.now_us + data.draw(st.integers(0, 4_000)) * SECOND
    for lane in (every, some):
        lane.wait(end_us)
    assert moves(some) == moves(every)
    assert some.answers == every.answers


@by_the_event_clock
@settings(max_examples=examples(200), deadline=None)
def test_by_the_event_clock_a_last_look_is_good_for_other_rules(
    names: list[str], chosen: list[Event], resolution: int, by_id: bool, data: st.DataObject
) -> None:
    specs = {name: FEATURES[name] for name in names}
    first = data.draw(segments(names, MORE))
    every, some = (
        pipeline(
            specs,
            first,
            GAP,
            lanes=1,
            resolution=resolution,
            by_id=by_id,
            steered=True,
            every=dumb,
        )
        for dumb in (True, False)
    )
    for cut in cuts(data.draw, len(chosen)):
        for run in (every, some):
            run.feed(chosen[cut])
        newer = data.draw(st.none() | segments(names, MORE))
        if newer is not None:
            for run in (every, some):
                run.take(newer, 2)
    assert told(some) == told(every)
    assert len(some.transitions) == len(every.transitions)


def moves(lane: WallLane) -> list[tuple[str, str, str, str]]:
    return sorted((move.at, move.user, move.segment, move.kind) for move in lane.transitions)


VIEWS = {"views_1h": {"count": "view", "window": "1h", "tile": "5m"}}
HEAT = {"heat": {"decayed_count": "view", "half_life": "10m"}}
FEW = {"Few": {"when": "views_1h < 2"}}


def shop(now_us: int, *, every: bool = False, **course: int) -> WallLane:
    """A lane with some users who have looked at two things each, and a rule that asks for heat."""
    specs = {name: msgspec.convert(of, FeatureSpec) for name, of in {**VIEWS, **HEAT}.items()}
    catalog = Catalog.compile(specs, GAP)
    first = segments_of({"Hot": {"when": "heat > 1.9"}}, 1)
    lane = WallLane(catalog, first, now_us, Course(**course), every=every)
    for user in ("ann", "bob", "cay"):
        lane.feed([seen(user, now_us - 9 * MINUTE), seen(user, now_us)])
    return lane


def seen(user: str, at_us: int) -> Event:
    return Event(user, at_us, "view", None, {"price": None, "shop": None})


def test_who_is_idle_is_looked_at_only_where_a_verdict_can_change() -> None:
    lane, dumb = shop(START), shop(START, every=True)
    for each in (lane, dumb):
        each.wait(START + 3_000 * SECOND)
    assert moves(lane) == moves(dumb)
    fed = 3
    assert lane.evaluations == fed
    assert dumb.evaluations > 100 * fed


def test_new_rules_are_judged_from_a_look_of_now() -> None:
    """Nobody asked for it when a view dropped out of the hour; whoever asks now is told."""
    lane = shop(START, most=2)
    lane.wait(START + 55 * MINUTE)
    lane.tell(segments_of(FEW, 2))
    assert lane.members() == {"Few": 3}
    lane.wait(START + 70 * MINUTE)
    assert lane.evaluations == 3 + 3 + 0


def test_without_the_look_they_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passage, "_wants_a_look", lambda *_: False)
    lane = shop(START)
    lane.wait(START + 55 * MINUTE)
    lane.tell(segments_of(FEW, 2))
    assert lane.members() == {"Few": 0}


def test_a_question_about_other_rules_is_answered_from_a_look_of_now() -> None:
    lane = shop(START, most=2)
    lane.wait(START + 55 * MINUTE)
    lane.tell(Preview("asked", segments_of(FEW, 2).segments))
    assert lane.answers == [{"Few": Counts(3, 0, 0), "Hot": Counts(0, 0, 0)}]
    evaluations = lane.evaluations
    lane.wait(START + 120 * MINUTE)  # what was just asked for is not watched
    assert lane.evaluations == evaluations


def test_a_look_goes_on_after_a_restart() -> None:
    lane = shop(START, most=1)
    lane.wait(START + 55 * MINUTE)
    lane.passage.take(segments_of(FEW, 2))
    lane.wake()
    assert (lane.passage.waits, lane.judged.rules.segments.version) == (True, 1)
    lane.restart(lane.judged.rules.segments)
    while lane.passage.waits:
        lane.wake()
    assert lane.members() == {"Few": 3}
    assert lane.evaluations == 3 + 3


def test_rules_that_came_while_the_job_was_away_are_judged_from_a_look_of_now() -> None:
    lane = shop(START)
    lane.wait(START + 55 * MINUTE)
    lane.restart(segments_of(FEW, 2))
    assert lane.members() == {"Few": 3}


def test_state_of_before_is_looked_at_for_every_change_until_it_is_told() -> None:
    lane, dumb = shop(START), shop(START, every=True)
    for each in (lane, dumb):
        each.restart(each.judged.rules.segments, known=False)
        before = each.evaluations
        each.wait(each.now_us + 5 * MINUTE)
    every = dumb.evaluations - before
    assert lane.evaluations - 6 == every > 3
    lane.tell(lane.judged.rules.segments)
    told = lane.evaluations
    lane.wait(lane.now_us + 5 * MINUTE)
    assert lane.evaluations == told


def test_a_question_that_waits_for_features_that_are_gone_goes_no_further() -> None:
    lane = shop(START, most=1)
    lane.passage.take(Preview("asked", segments_of(FEW, 2).segments))
    lane.passage.take(Started("", {}, fresh=False))
    lane.wake()
    fewer = replace(lane.passage._job, columns={})
    reopened = Passage(fewer, lane.profiles, lane.passage.known)
    rows, messages = reopened.step(1)
    assert (len(rows), [type(each) for each in messages]) == (0, [Started])


def test_of_all_kinds_of_features_only_what_changes_something_is_judged() -> None:
    """Counted, not timed: every feature with a rule of its own, users who act and then are idle."""
    catalog = catalog_of(sorted(FEATURES))
    asked = {name: {"when": _asked(name, each.kind)} for name, each in catalog.columns.items()}
    lane = WallLane(catalog, segments_of(asked, 1), START, Course(by_id=True), every=False)
    events = 0
    for minute, kind in enumerate(["view", "view", "cart", "view", "purchase", "search"]):
        lane.wait(START + 7 * minute * MINUTE)
        for user in ("ann", "bob", "cay"):
            properties = {"price": 40.0 * minute, "shop": "abc"[minute % 3]}
            lane.feed([Event(user, lane.now_us, kind, "s1", properties)])
            events += 1
    lane.wait(lane.now_us + 30 * 86_400 * SECOND)
    changes = {(move.user, move.at) for move in lane.transitions}
    assert len(lane.transitions) > 10 * events
    # Where a decayed amount comes to a number there is a look before it, and so there is before
    # an age does, which Assign judges by itself.
    assert lane.judgements < 2 * len(changes)


def _asked(name: str, kind: Kind) -> str:
    forms = {
        Kind.NUMBER: f"{name} > 1.5",
        Kind.AGE: f"{name} < 2.5",
        Kind.CATEGORY: f"{name} = 'a'",
        Kind.LIST: f"contains({name}, 'a')",
    }
    return forms[kind]
