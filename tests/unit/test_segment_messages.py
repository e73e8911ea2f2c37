"""What an analyst is told of wrong segments, one by one and together."""

from __future__ import annotations

import pytest

from operators.base.errors import ConfigError, Problem
from operators.base.frame import FeatureColumn, Kind
from operators.rules.rulebook import Rulebook, problems
from operators.rules.spec import SegmentSpec

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("carts_1h", Kind.NUMBER),
        FeatureColumn("device", Kind.CATEGORY),
    )
}

WRONG_SEGMENTS = {
    "Buyers": SegmentSpec("carts > 1", leave_when="device = 1", min_dwell="5"),
    "Right": SegmentSpec("carts_1h > 1", leave_when="carts_1h = 0", min_dwell="5m"),
    "": SegmentSpec("carts_1h > 1"),
    "a\nb": SegmentSpec("carts_1h >"),
    "x" * 201: SegmentSpec("carts_1h > 1"),
    "Nothing": SegmentSpec(leave_when="carts_1h = 0", priority=3, members=()),
    "Odd": SegmentSpec("TRUE", cooldown="1 hour", zone="Europe/Berlni", holdout="100%"),
    "Listed": SegmentSpec(members=("ann", ""), group=" ", holdout="ten"),
    "Long": SegmentSpec(members=tuple(range(10_001))),
    "Dated": SegmentSpec("TRUE", opens="2026-12-01", until="2026-12-01T00:00:00Z"),
    "Undated": SegmentSpec("TRUE", opens="tomorrow", until="2026-12-32"),
}
PRINTABLE = "expected a name of 1 to 200 printable characters"
PROBLEMS = [
    Problem("segments.Buyers.when", "column 1: unknown feature 'carts', did you mean 'carts_1h'?"),
    Problem(
        "segments.Buyers.leave_when",
        "column 1: the sides don't match: device is a category, 1 is a number",
    ),
    Problem(
        "segments.Buyers.min_dwell",
        "expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), found '5'",
    ),
    Problem("segments.''", PRINTABLE),
    Problem("segments.'a\\nb'", PRINTABLE),
    Problem("segments.'a\\nb'.when", "the condition ends where a value was expected"),
    Problem(f"segments.'{'x' * 40}'", PRINTABLE),
    Problem(
        "segments.Nothing.when", "this is needed where no members are listed, and is not there"
    ),
    Problem("segments.Nothing.leave_when", "it needs a when: users who are listed don't leave"),
    Problem(
        "segments.Nothing.priority", "it needs a group: it decides between the segments of one"
    ),
    Problem(
        "segments.Odd.zone",
        "expected a time zone such as Europe/Berlin, found 'Europe/Berlni', did you mean "
        "'Europe/Berlin'?",
    ),
    Problem(
        "segments.Odd.cooldown",
        "expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), found '1 hour'",
    ),
    Problem(
        "segments.Odd.holdout", "expected a share such as 10% or 0.5%, below 100%, found '100%'"
    ),
    Problem("segments.Listed.group", PRINTABLE),
    Problem(
        "segments.Listed.members", "expected users, which are texts or whole numbers, found ''"
    ),
    Problem(
        "segments.Listed.holdout", "expected a share such as 10% or 0.5%, below 100%, found 'ten'"
    ),
    Problem("segments.Long.members", "expected up to 10000 users, found 10001"),
    Problem(
        "segments.Dated.until",
        "expected a moment after from (2026-12-01), found 2026-12-01T00:00:00Z",
    ),
    Problem(
        "segments.Undated.from",
        "expected a time such as 2026-01-31T12:00:00Z, found 'tomorrow'",
    ),
    Problem(
        "segments.Undated.until",
        "expected a time such as 2026-01-31T12:00:00Z, found '2026-12-32'",
    ),
]


def test_every_mistake_of_every_segment_is_found() -> None:
    assert problems(WRONG_SEGMENTS, COLUMNS) == PROBLEMS


def test_compile_raises_with_every_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        Rulebook.compile(WRONG_SEGMENTS, COLUMNS, step_us=60_000_000, version=1)
    assert caught.value.problems == tuple(PROBLEMS)
    assert str(caught.value).startswith(f"the rulebook has {len(PROBLEMS)} mistakes:")


def test_compile_keeps_names_in_order_and_the_version() -> None:
    segments = {"Très chic 🛍": SegmentSpec("carts_1h > 1"), "A": SegmentSpec("TRUE")}
    rulebook = Rulebook.compile(segments, COLUMNS, step_us=60_000_000, version=3)
    assert rulebook.names == ("Très chic 🛍", "A")
    assert rulebook.version == 3
    assert problems(segments, COLUMNS) == []


def asks(*names: str, group: str | None = None, priority: int = 0) -> SegmentSpec:
    when = " AND ".join(f"in_segment('{name}')" for name in names) or "TRUE"
    return SegmentSpec(when, group=group, priority=priority)


CIRCLES = {
    "a segment that asks for itself": (
        {"A": asks("A")},
        [("A.when", "in_segment goes in a circle: A -> A")],
    ),
    "a long way round, told from its first": (
        {"C": asks("A"), "A": asks("B"), "B": asks("C", "D"), "D": asks()},
        [("C.when", "in_segment goes in a circle: C -> A -> B -> C")],
    ),
    "two circles": (
        {"A": asks("B"), "B": asks("A"), "C": asks("D", "B"), "D": asks("C")},
        [
            ("A.when", "in_segment goes in a circle: A -> B -> A"),
            ("C.when", "in_segment goes in a circle: C -> D -> C"),
        ],
    ),
    "by leave_when": (
        {"A": SegmentSpec("TRUE", leave_when="NOT in_segment('B')"), "B": asks("A")},
        [("A.leave_when", "in_segment goes in a circle: A -> B -> A")],
    ),
    "through a group": (
        {"A": asks(group="g", priority=1), "B": asks("C", group="g"), "C": asks("A")},
        [("B.when", "in_segment goes in a circle: B -> C -> A, in one group with B")],
    ),
    "through a paused segment, which will go on": (
        {"A": asks("B"), "B": SegmentSpec("in_segment('A')", paused=True)},
        [("A.when", "in_segment goes in a circle: A -> B -> A")],
    ),
    "another of the group": (
        {"A": asks("B", group="g", priority=1), "B": asks(group="g")},
        [("A.when", "in_segment asks for B, which is in the same group g")],
    ),
    "equal priorities": (
        {"A": asks(group="g"), "B": asks(group="h"), "C": asks(group="g")},
        [
            (
                "C.priority",
                "expected a priority of its own in the group g, found 0, which is that of A",
            )
        ],
    ),
    "none": (
        {"A": asks("B", "C"), "B": asks("C", group="g"), "C": asks(), "D": asks("A", "C")},
        [],
    ),
}


@pytest.mark.parametrize("name", CIRCLES)
def test_segments_that_contradict_each_other_are_refused(name: str) -> None:
    segments, expected = CIRCLES[name]
    found = [Problem(f"segments.{path}", message) for path, message in expected]
    assert problems(segments, COLUMNS) == found


def test_segments_stand_after_those_they_ask_for_and_paused_ones_last() -> None:
    segments = {
        "Third": asks("Second"),
        "Paused": SegmentSpec("carts_1h > 1", paused=True),
        "Second": asks("First", group="g"),
        "Also second": asks(group="g", priority=1),
        "First": asks("Paused"),
    }
    rulebook = Rulebook.compile(segments, COLUMNS, step_us=60_000_000, version=1)
    assert rulebook.names == ("First", "Second", "Also second", "Third", "Paused")
