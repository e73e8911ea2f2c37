"""What an analyst is told of a wrong condition, in full."""

from __future__ import annotations

import pytest

from operators.errors import ConfigError, Problem, RuleError
from operators.frame import FeatureColumn, Kind
from operators.rules.parse import parse
from operators.rules.rulebook import Rulebook, problems
from operators.rules.spec import SegmentSpec

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("product_views", Kind.NUMBER),
        FeatureColumn("carts_1h", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, 86_400_000_000),
        FeatureColumn("device", Kind.CATEGORY),
        FeatureColumn("last device", Kind.CATEGORY),
    )
}
ALLOWED = (
    "allowed are features, numbers, 'texts', AND, OR, NOT, parentheses, = <> < <= > >=, IS NULL, "
    "BETWEEN, IN, TRUE, FALSE, in_segment('name'), + - * / and the functions COALESCE, ABS, "
    "LEAST, GREATEST"
)
OPERATOR = f"expected an operator, AND, OR or the end; {ALLOWED}"
FUNCTIONS = "there are COALESCE, ABS, LEAST, GREATEST and in_segment"
SEGMENTS = ("VIP", "Buyers", "it's")
NEEDS = "expected a condition such as product_views > 3"
SEGMENT = "expected the name of one segment, as in in_segment('VIP')"

WRONG = {
    # names
    "prodct_views > 3": "column 1: unknown feature 'prodct_views', did you mean 'product_views'?",
    "x1 > 3": (
        "column 1: unknown feature 'x1'; there are product_views, carts_1h, since_purchase, "
        "device, last device"
    ),
    "Device = 'tv'": "column 1: unknown feature 'Device', did you mean 'device'?",
    "product_views > 3\n  AND devic = 'tv'": (
        "line 2, column 7: unknown feature 'devic', did you mean 'device'?"
    ),
    "carts_1 > 1 AND (devic = 'x' OR device > 3)": (
        "column 1: unknown feature 'carts_1', did you mean 'carts_1h'?; "
        "column 18: unknown feature 'devic', did you mean 'device'?; "
        "column 33: the sides don't match: device is a category, 3 is a number"
    ),
    # types
    "device > 'tv'": "column 1: > compares numbers, but device is a category; use =, <> or IN",
    "product_views = 'many'": (
        "column 1: the sides don't match: product_views is a number, 'many' is a text"
    ),
    "'tv' = 3": "column 1: the sides don't match: 'tv' is a text, 3 is a number",
    "device = since_purchase": (
        "column 1: the sides don't match: device is a category, since_purchase is a number"
    ),
    "device IN ('tv', 3)": (
        "column 18: the sides don't match: device is a category, 3 is a number"
    ),
    "device + 1 > 2": "column 1: only numbers can be computed with, and device is a category",
    "COALESCE('a', 1) > 2": "column 10: only numbers can be computed with, and 'a' is a text",
    "carts_1h BETWEEN 1 AND 'b'": "column 24: BETWEEN compares numbers, but 'b' is a text",
    "carts_1h IN (1, product_views)": (
        "column 17: IN takes numbers or 'texts', found product_views"
    ),
    "product_views": f"column 1: {NEEDS}, found the number product_views",
    "carts_1h > 1 AND 5": f"column 18: {NEEDS}, found the number 5",
    "NOT device": f"column 5: {NEEDS}, found the category device",
    "(carts_1h > 1) + 1 > 2": "column 2: expected a number or text, found a condition",
    "carts_1h > 1 > 0": "column 1: expected a number or text, found a condition",
    "carts_1h = TRUE": "column 12: expected a number or text, found a condition",
    "(carts_1h, 1) > 2": "column 2: a list in parentheses stands only after IN",
    "1 < 2": "column 1: 1 < 2 compares no feature; write TRUE or FALSE",
    # numbers
    "carts_1h > 1 / 0": "column 12: 1 / 0 has no value",
    "carts_1h > 1e999": "column 12: the number '1e999' is too large",
    "carts_1h > 1e": "column 12: expected a number, found '1e'",
    # functions
    "COUNT(*) > 1": f"column 1: there is no function 'COUNT'; {FUNCTIONS}",
    "CAST(carts_1h AS int) > 1": f"column 1: there is no function 'CAST'; {FUNCTIONS}",
    '"abs"(carts_1h) > 1': f"column 1: there is no function 'abs'; {FUNCTIONS}",
    "ABS(carts_1h, 2) > 1": "column 1: ABS takes one number, found 2",
    # other segments
    "carts_1h > 1 AND in_segment('VPI')": ("column 29: unknown segment 'VPI', did you mean 'VIP'?"),
    "in_segment('x1')": "column 12: unknown segment 'x1'; there are VIP, Buyers, it's",
    "in_segments('VIP')": (
        "column 1: there is no function 'in_segments', did you mean 'in_segment'?"
    ),
    "in_segment(VIP)": f"column 1: {SEGMENT}",
    'in_segment("VIP")': f"column 1: {SEGMENT}",
    "in_segment('VIP', 'Buyers')": f"column 1: {SEGMENT}",
    "in_segment(3)": f"column 1: {SEGMENT}",
    "in_segment()": "column 12: found ')', expected a value",
    "in_segment('VIP') = 1": "column 1: expected a number or text, found a condition",
    "ABS(in_segment('VIP')) = 1": "column 5: expected a number or text, found a condition",
    "in_segment('VIP') IS NULL": "column 1: expected a number or text, found a condition",
    # grammar
    "": "the condition is empty; expected one such as product_views > 3",
    " \n ": "the condition is empty; expected one such as product_views > 3",
    "carts_1h >": "the condition ends where a value was expected",
    "carts_1h IS": "the condition ends where NULL or NOT NULL was expected",
    "carts_1h > AND 1": "column 12: found 'AND', expected a value",
    "carts_1h == 1": "column 11: found '=', expected a value",
    "carts_1h = NULL": (
        "column 12: found 'NULL', expected a value; NULL stands only in IS NULL and IS NOT NULL"
    ),
    "carts_1h IS NOT 3": "column 17: found '3', expected NULL",
    "carts_1h NOT 3": "column 14: found '3', expected IN or BETWEEN",
    "carts_1h IN 3": "column 13: found '3', expected a list in parentheses",
    "carts_1h IN ()": "column 14: found ')', expected a value",
    "carts_1h IN (1, )": "column 17: found ')', expected a value",
    "carts_1h BETWEEN 1 OR 2": (
        "column 10: BETWEEN without its AND; expected x BETWEEN low AND high"
    ),
    "carts_1h > 5m": f"column 13: found 'm', {OPERATOR}",
    "device LIKE 'm%'": f"column 8: found 'LIKE', {OPERATOR}",
    "carts_1h > 1 AS bought": f"column 14: found 'AS', {OPERATOR}",
    "SELECT carts_1h": f"column 8: found 'carts_1h', {OPERATOR}",
    "shop.carts_1h > 1": f"column 5: found '.', {OPERATOR}",
    "device = 'a' 'b'": f"column 14: found ''b'', {OPERATOR}",
    "carts_1h > 1; carts_1h > 2": (f"column 13: found ';', which no condition has; {ALLOWED}"),
    "carts_1h % 2 = 1": f"column 10: found '%', which no condition has; {ALLOWED}",
    "carts_1h > 1, device = 'tv'": "column 13: found ',', where no condition goes on",
    "carts_1h > 1 -- AND device = 'tv'": (
        "column 12: comments are not allowed, found one next to '1'"
    ),
    "carts_1h > /* 2 */ 1": "column 10: comments are not allowed, found one next to '>'",
    "/* carts_1h > 1 */": "the condition is empty; expected one such as product_views > 3",
    "(carts_1h > 1": "column 1: this '(' is never closed",
    "carts_1h > 1)": "column 13: found ')', but no '(' is open",
    "device = 'tv": "column 10: the quote ' is opened and never closed",
    'carts_1h > "x': 'column 12: the quote " is opened and never closed',
    "/* its": "a quote or comment is opened and never closed, and comments are not allowed",
    "carts_1h \x00> 1": "column 10: no condition has the character U+0000",
    "(" * 21 + "TRUE" + ")" * 21: (
        "column 21: nested more than 20 levels deep (parentheses, NOTs and signs)"
    ),
    "NOT " * 20 + "(TRUE)": (
        "column 81: nested more than 20 levels deep (parentheses, NOTs and signs)"
    ),
    "x" * 10_001: "a condition has at most 10000 characters, this one 10001",
    "x" * 100 + " > 1": (
        f"column 1: unknown feature '{'x' * 37}...'; there are product_views, carts_1h, "
        "since_purchase, device, last device"
    ),
}


@pytest.mark.parametrize("condition", WRONG)
def test_a_wrong_condition_is_refused_with_its_place(condition: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(condition, COLUMNS, SEGMENTS)
    assert str(caught.value) == WRONG[condition]


def test_only_so_many_mistakes_are_listed() -> None:
    with pytest.raises(RuleError) as caught:
        parse(" OR ".join(["nothing > 1"] * 500), COLUMNS)
    mistakes = str(caught.value).split("; column")
    assert len(mistakes) == 10
    assert str(caught.value).endswith("; and maybe more")


RIGHT = {
    "3 < product_views": "product_views > 3",
    "carts_1h != 1": "carts_1h <> 1",
    "NOT (carts_1h > 1 AND device = 'tv')": "carts_1h <= 1 OR device <> 'tv'",
    "not carts_1h is null": "carts_1h IS NOT NULL",
    "NOT carts_1h NOT BETWEEN 1 AND 2": "carts_1h BETWEEN 1 AND 2",
    "carts_1h = 1 OR carts_1h = 2 AND device = 'tv'": (
        "carts_1h = 1 OR carts_1h = 2 AND device = 'tv'"
    ),
    "(carts_1h = 1 OR carts_1h = 2) AND device = 'tv'": (
        "(carts_1h = 1 OR carts_1h = 2) AND device = 'tv'"
    ),
    "carts_1h > 2 * 30 - 1": "carts_1h > 59",
    "carts_1h > -.5": "carts_1h > -0.5",
    "carts_1h - (1 - product_views) > 0": "carts_1h - (1 - product_views) > 0",
    "(carts_1h - 1) - product_views > 0": "carts_1h - 1 - product_views > 0",
    "-carts_1h * -product_views > 0": "(-carts_1h) * (-product_views) > 0",
    "\"last device\" = 'it''s'": "\"last device\" = 'it''s'",
    "abs(Least(carts_1h, product_views)) > 0": "ABS(LEAST(carts_1h, product_views)) > 0",
    "device IN ('a', 'b', 'a')": "device IN ('a', 'b')",
    "TRUE": "TRUE",
    "IN_SEGMENT('VIP')": "in_segment('VIP')",
    "NOT (in_segment('VIP') OR NOT In_Segment('it''s'))": (
        "NOT in_segment('VIP') AND in_segment('it''s')"
    ),
}


@pytest.mark.parametrize("condition", RIGHT)
def test_a_condition_is_read_as_sql_does(condition: str) -> None:
    assert str(parse(condition, COLUMNS, SEGMENTS)) == RIGHT[condition]


@pytest.mark.parametrize("name", ["case", "date", "interval", "count", "end", "symmetric", "abs"])
def test_a_feature_may_be_called_as_sql_words_are(name: str) -> None:
    columns = {name: FeatureColumn(name, Kind.NUMBER)}
    condition = f"{name} BETWEEN {name} AND 3 AND {name} IS NOT NULL AND abs({name}) > 1"
    assert str(parse(condition, columns)).startswith(f"{name} BETWEEN {name} AND 3")


def test_a_keyword_is_a_feature_in_quotes() -> None:
    columns = {"in": FeatureColumn("in", Kind.NUMBER)}
    assert str(parse('"in" IN (1)', columns)) == '"in" IN (1)'


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


def test_in_segment_stands_only_in_segments() -> None:
    with pytest.raises(RuleError) as caught:
        parse("in_segment('VIP')", COLUMNS)
    assert str(caught.value) == ("column 1: in_segment stands only in the conditions of segments")


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
