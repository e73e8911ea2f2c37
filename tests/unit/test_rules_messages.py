"""What an analyst is told of a wrong condition, in full."""

from __future__ import annotations

import pytest

from operators.base.errors import RuleError
from operators.base.frame import FeatureColumn, Kind
from operators.rules.parse import parse

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("product_views", Kind.NUMBER),
        FeatureColumn("carts_1h", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, 86_400_000_000),
        FeatureColumn("device", Kind.CATEGORY),
        FeatureColumn("last device", Kind.CATEGORY),
        FeatureColumn("brands", Kind.LIST),
    )
}
ALLOWED = (
    "allowed are features, numbers, 'texts', AND, OR, NOT, parentheses, = <> < <= > >=, IS NULL, "
    "BETWEEN, IN, LIKE, ILIKE, STARTS WITH, TRUE, FALSE, CASE WHEN, in_segment('name'), "
    "contains(list, 'text'), + - * / and the functions COALESCE, ABS, LEAST, GREATEST, LOWER, UPPER"
)
OPERATOR = f"expected an operator, AND, OR or the end; {ALLOWED}"
FUNCTIONS = (
    "there are COALESCE, ABS, LEAST, GREATEST, LOWER, UPPER, starts_with, in_segment and contains"
)
NO_EXPRESSIONS = (
    "there are no regular expressions, as nothing here matches them in linear time; LIKE has % for "
    "any text and _ for one character"
)
CASE = "expected CASE WHEN views > 3 THEN 1 ELSE 0 END"
NO_OPERATOR = "expected an operator, AND, OR or the end"
BEYOND = (
    "is beyond 2^53, where whole numbers next to each other are the same: write an id as a text, "
    "'9007199254740993'"
)
SEGMENTS = ("VIP", "Buyers", "it's")
NEEDS = "expected a condition such as product_views > 3"
CONTAINS = "expected a list and a text, as in contains(brands, 'shoes')"
ONLY = "brands is a list, which only contains(brands, 'text') can be asked of"
SEGMENT = "expected the name of one segment, as in in_segment('VIP')"

WRONG = {
    # names
    "prodct_views > 3": "column 1: unknown feature 'prodct_views', did you mean 'product_views'?",
    "x1 > 3": (
        "column 1: unknown feature 'x1'; there are product_views, carts_1h, since_purchase, "
        "device, last device, brands"
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
    "carts_1h > 9007199254740993": f"column 12: 9007199254740993 {BEYOND}, and an amount as "
    "9007199254740993.0",
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
    "contains(brands)": f"column 1: {CONTAINS}",
    "contains('nike', brands)": f"column 1: {CONTAINS}",
    "contains(brands, device)": f"column 1: {CONTAINS}",
    "contains(brands, 3)": f"column 1: {CONTAINS}",
    "contains(device, 'tv')": f"column 10: {CONTAINS}; device is a category",
    "contains(brand, 'tv')": "column 10: unknown feature 'brand', did you mean 'brands'?",
    "brands = 'nike'": f"column 1: {ONLY}",
    "device IN ('tv') AND brands IS NULL": f"column 22: {ONLY}",
    "contains(brands, 'nike') IS NULL": "column 1: expected a number or text, found a condition",
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
    "carts_1h NOT 3": "column 14: found '3', expected IN, BETWEEN, LIKE, ILIKE or STARTS WITH",
    "carts_1h IN 3": "column 13: found '3', expected a list in parentheses",
    "carts_1h IN ()": "column 14: found ')', expected a value",
    "carts_1h IN (1, )": "column 17: found ')', expected a value",
    "carts_1h BETWEEN 1 OR 2": (
        "column 10: BETWEEN without its AND; expected x BETWEEN low AND high"
    ),
    "carts_1h > 5m": f"column 13: found 'm', {OPERATOR}",
    # patterns
    "carts_1h LIKE '1%'": "column 1: LIKE is asked of texts, and carts_1h is a number",
    "NOT starts_with(carts_1h, '1')": (
        "column 5: STARTS WITH is asked of texts, and carts_1h is a number"
    ),
    "starts_with(device)": "column 1: expected two texts, as in starts_with(device, 'mob')",
    "device NOT ILIKE carts_1h": "column 18: expected a text after ILIKE, found carts_1h",
    "device LIKE 'm!' ESCAPE '!'": "column 1: the pattern 'm!' ends in its ESCAPE character",
    "device LIKE 'm' ESCAPE '!!'": "column 1: ESCAPE takes one character, found '!!'",
    "device LIKE 'm' ESCAPE 3": "column 24: found '3', expected a text",
    "device STARTS WITH 'm!%' ESCAPE '!'": (
        "column 1: STARTS WITH has no ESCAPE, as % and _ mean themselves there"
    ),
    "device = 'm' ESCAPE '!'": "column 14: found 'ESCAPE', where no condition goes on",
    "device STARTS 'm'": "column 15: found ''m'', expected WITH",
    "device LIKE 'm' LIKE 'm'": "column 1: expected a number or text, found a condition",
    "brands LIKE 'n%'": f"column 1: {ONLY}",
    "device ~ 'm.*'": f"column 8: found '~', which no condition has; {NO_EXPRESSIONS}",
    "device REGEXP 'm.*'": f"column 8: found 'REGEXP', {NO_OPERATOR}; {NO_EXPRESSIONS}",
    "device NOT RLIKE 'm.*'": (
        "column 12: found 'RLIKE', expected IN, BETWEEN, LIKE, ILIKE or STARTS WITH; "
        f"{NO_EXPRESSIONS}"
    ),
    "regexp_like(device, 'm.*')": (
        f"column 1: there is no function 'regexp_like'; {NO_EXPRESSIONS}"
    ),
    # texts
    "LOWER(carts_1h) = '1'": "column 1: LOWER takes a text, and carts_1h is a number",
    "UPPER(device, 'a') = 'A'": "column 1: UPPER takes one text, found 2",
    "LOWER(device) > 'a'": (
        "column 1: > compares numbers, but LOWER(device) is a text; use =, <> or IN"
    ),
    "LOWER('TV') = 'tv'": "column 1: 'tv' = 'tv' compares no feature; write TRUE or FALSE",
    # cases
    "CASE WHEN carts_1h > 1 THEN 1 ELSE 0 END": (
        f"column 11: {NEEDS}, found the number CASE WHEN carts_1h > 1 THEN 1 ELSE 0 END"
    ),
    "CASE WHEN carts_1h > 1 THEN 1 = 1": "column 1: this CASE has no END",
    "CASE WHEN carts_1h > 1 THEN (1 END = 1": "column 29: this '(' is never closed",
    "(CASE WHEN carts_1h > 1 THEN 1) = 1": "column 2: this CASE has no END",
    "CASE WHEN carts_1h > 1 END = 1": f"column 24: found END before THEN; {CASE}",
    "CASE WHEN carts_1h > 1 THEN 1 THEN 2 END = 1": (
        f"column 31: found THEN, which does not follow here; {CASE}"
    ),
    "carts_1h > 1 THEN 1": f"column 14: found THEN, which does not follow here; {CASE}",
    "carts_1h > 1 END": "column 14: found 'END', but no CASE is open",
    "CASE device WHEN 'tv' THEN 1 END = 1": f"column 6: found 'device', {OPERATOR}",
    "CASE WHEN carts_1h > 1 THEN 1 ELSE 'a' END = 1": (
        "column 36: the sides don't match: 1 is a number, 'a' is a text"
    ),
    "CASE WHEN carts_1h > 1 THEN carts_1h > 2 END": (
        "column 29: expected a number or text, found a condition"
    ),
    "CASE WHEN device THEN 1 END = 1": f"column 11: {NEEDS}, found the category device",
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
        "since_purchase, device, last device, brands"
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
    "carts_1h > -9007199254740992": "carts_1h > -9007199254740992",
    "carts_1h > 9500000000000000.0": "carts_1h > 9500000000000000.0",
    "carts_1h > 12345678901234567.0": "carts_1h > 1.2345678901234568e+16",
    "device not like 'm!%' escape '!'": "device NOT LIKE 'm!%' ESCAPE '!'",
    "NOT device NOT STARTS  WITH ('m')": "device STARTS WITH 'm'",
    "NOT starts_with(device, 'm') OR StartsWith(device, 'n')": (
        "device NOT STARTS WITH 'm' OR device STARTS WITH 'n'"
    ),
    "lower(UPPER(device)) ILIKE LOWER('M%')": "LOWER(UPPER(device)) ILIKE 'm%'",
    "case when carts_1h > 1 then 'a' when device like 'a' then device end = 'a'": (
        "CASE WHEN carts_1h > 1 THEN 'a' WHEN device LIKE 'a' THEN device END = 'a'"
    ),
    "1 + CASE WHEN NOT (carts_1h > 1 AND TRUE) THEN carts_1h ELSE 2 END > 3": (
        "1 + CASE WHEN carts_1h <= 1 OR FALSE THEN carts_1h ELSE 2 END > 3"
    ),
    "carts_1h - (1 - product_views) > 0": "carts_1h - (1 - product_views) > 0",
    "(carts_1h - 1) - product_views > 0": "carts_1h - 1 - product_views > 0",
    "-carts_1h * -product_views > 0": "(-carts_1h) * (-product_views) > 0",
    "\"last device\" = 'it''s'": "\"last device\" = 'it''s'",
    "abs(Least(carts_1h, product_views)) > 0": "ABS(LEAST(carts_1h, product_views)) > 0",
    "device IN ('a', 'b', 'a')": "device IN ('a', 'b')",
    "TRUE": "TRUE",
    "NOT (CONTAINS(brands, 'it''s') AND contains(brands, 'nike'))": (
        "NOT contains(brands, 'it''s') OR NOT contains(brands, 'nike')"
    ),
    "IN_SEGMENT('VIP')": "in_segment('VIP')",
    "NOT (in_segment('VIP') OR NOT In_Segment('it''s'))": (
        "NOT in_segment('VIP') AND in_segment('it''s')"
    ),
}


@pytest.mark.parametrize("condition", RIGHT)
def test_a_condition_is_read_as_sql_does(condition: str) -> None:
    assert str(parse(condition, COLUMNS, SEGMENTS)) == RIGHT[condition]


@pytest.mark.parametrize(
    "name",
    [
        *("case", "date", "interval", "count", "end", "symmetric", "abs", "like", "ilike", "when"),
        *("then", "else", "starts", "with", "escape", "lower", "starts_with"),
    ],
)
def test_a_feature_may_be_called_as_sql_words_are(name: str) -> None:
    columns = {name: FeatureColumn(name, Kind.NUMBER)}
    condition = f"{name} BETWEEN {name} AND 3 AND {name} IS NOT NULL AND abs({name}) > 1"
    assert str(parse(condition, columns)).startswith(f"{name} BETWEEN {name} AND 3")
    chosen = f"CASE WHEN {name} > 1 THEN ({name}) WHEN {name} < 0 THEN -1 ELSE {name} END = 3"
    read = parse(chosen, columns)
    assert parse(str(read), columns) == read


def test_a_keyword_is_a_feature_in_quotes() -> None:
    columns = {"in": FeatureColumn("in", Kind.NUMBER)}
    assert str(parse('"in" IN (1)', columns)) == '"in" IN (1)'


def test_in_segment_stands_only_in_segments() -> None:
    with pytest.raises(RuleError) as caught:
        parse("in_segment('VIP')", COLUMNS)
    assert str(caught.value) == ("column 1: in_segment stands only in the conditions of segments")


NAMED = {
    **COLUMNS,
    "cluster": FeatureColumn(
        "cluster", Kind.NUMBER, names=(("High-Intent Buyers", 3), ("Bots", 5))
    ),
}


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("cluster = 'High-Intent Buyers'", "cluster = 3"),
        ("'bots' <> cluster", "cluster <> 5"),
        ("cluster IN ('Bots', 4)", "cluster IN (5, 4)"),
        ("NOT cluster IN ('BOTS')", "cluster NOT IN (5)"),
    ],
)
def test_clusters_go_by_the_names_that_people_gave_them(condition: str, read: str) -> None:
    assert str(parse(condition, NAMED)) == read


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("cluster = 'Bot'", "column 11: cluster has none of the name 'Bot', did you mean 'Bots'?"),
        (
            "cluster IN ('Window Shoppers')",
            "column 13: cluster has none of the name 'Window Shoppers'; there are "
            "High-Intent Buyers, Bots",
        ),
        (
            "cluster > 'Bots'",
            "column 1: the sides don't match: cluster is a number, 'Bots' is a text",
        ),
    ],
)
def test_a_cluster_of_another_name_is_told(condition: str, said: str) -> None:
    with pytest.raises(RuleError) as raised:
        parse(condition, NAMED)
    assert str(raised.value) == said
