"""Conditions against the oracle, against SQLite, and against arbitrary text."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from operators.base.dictionary import Dictionary
from operators.base.errors import RuleError
from operators.base.frame import Frame, list_text
from operators.rules.circuit import Circuit, Evaluation
from operators.rules.network import Network
from operators.rules.parse import parse
from operators.rules.tree import Condition
from tests.effort import examples
from tests.property.rules_kinds import COLUMNS, MINUTE_US
from tests.property.rules_oracle import Tree, Trees, User, holds, text

NOW_US = 1_700_000_000_000_000
TREES = Trees(
    ("views", "spend 30d", "case", "since"), ("device", 'the "first" device'), lists=("devices",)
)
NUMBERS = st.sampled_from((None, 0.0, 1.0, 2.0, 3.0, 0.5, -1.0, 1e308, -1e308, 1e-308))
MODERATE = st.sampled_from((None, 0.0, 1.0, 2.0, 3.0, 0.5, -1.0))
AGES = st.sampled_from(
    (None, -5, 0, 1, 30_000_000, 59_999_999, 60_000_000, 60_000_001, 120_000_000)
)
TEXTS = st.sampled_from((None, "mobile", "desktop", "it's", "tv", "Mobile", "MOBILE", "m%", "É\\"))
LISTS = st.lists(st.sampled_from(("mobile", "it's", "", 'a", "mobile')), unique=True).map(tuple)


def truth(circuit: Circuit, evaluation: Evaluation, condition: Condition, at: int) -> bool | None:
    (case,) = evaluation.cases(np.array([at]))
    return case.truth(circuit.literals[condition])


def frames(numbers: st.SearchStrategy[float | None]) -> st.SearchStrategy[list[Sequence[object]]]:
    user = st.tuples(numbers, numbers, numbers, AGES, TEXTS, TEXTS, LISTS)
    return st.lists(user, max_size=6)


def frame_of(rows: Sequence[Sequence[object]]) -> Frame:
    dictionary = Dictionary()
    values = np.full((len(COLUMNS), len(rows)), np.nan)
    for at, row in enumerate(rows):
        for column, found in enumerate(row):
            if isinstance(found, str):
                values[column, at] = dictionary.add(found)
            elif isinstance(found, tuple):
                values[column, at] = dictionary.add(list_text(found)) if found else np.nan
            elif found is not None:
                values[column, at] = NOW_US - found if column == 3 else found
    return Frame(COLUMNS, values, np.full(len(rows), NOW_US), dictionary)


def user_of(row: Sequence[object]) -> User:
    user = dict(zip(COLUMNS, row, strict=True))
    if user["since"] is not None:
        user["since"] = max(user["since"], 0) / MINUTE_US
    return user


@settings(max_examples=examples(500))
@given(st.lists(TREES.conditions(), min_size=1, max_size=4), frames(NUMBERS))
def test_truth_is_the_oracles(trees: list[Tree], rows: list[Sequence[object]]) -> None:
    conditions = [parse(text(tree), COLUMNS) for tree in trees]
    circuit = Circuit(conditions)
    evaluation = circuit.evaluate(frame_of(rows))
    for tree, condition in zip(trees, conditions, strict=True):
        for at, row in enumerate(rows):
            found = truth(circuit, evaluation, condition, at)
            assert found is holds(tree, user_of(row)), (text(tree), row)


@settings(max_examples=examples(500))
@given(TREES.conditions())
def test_the_text_of_a_tree_means_the_tree(tree: Tree) -> None:
    condition = parse(text(tree), COLUMNS)
    assert parse(str(condition), COLUMNS) == condition


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for name, function in (("least", min), ("greatest", max)):
        connection.create_function(
            name, -1, lambda *found, f=function: None if None in found else f(found)
        )
    connection.create_function("contains", 2, lambda found, text: text in json.loads(found))
    connection.create_function("coalesce", 1, lambda found: found)  # SQLite wants two or more
    for name in ("lower", "upper"):  # SQLite's are of ASCII only
        connection.create_function(
            name, 1, lambda found, n=name: None if found is None else getattr(found, n)()
        )
    connection.execute("PRAGMA case_sensitive_like = ON")
    return connection


def for_sqlite(tree: Tree) -> Tree:
    """The same in words that SQLite has."""
    kind, *parts = tree
    if kind.endswith("ilike"):
        lowered = ("lower", [for_sqlite(parts[0])])
        return (kind.replace("ilike", "like"), lowered, parts[1].lower(), parts[2].lower())
    if kind.endswith("starts with"):
        pattern = re.sub("([!%_])", r"!\1", parts[1]) + "%"
        return (kind.replace("starts with", "like"), for_sqlite(parts[0]), pattern, "!")
    return (kind, *map(_for_sqlite, parts))


def _for_sqlite(part: Any) -> Any:
    if isinstance(part, list):
        return [_for_sqlite(each) for each in part]
    if not isinstance(part, tuple):
        return part
    return for_sqlite(part) if isinstance(part[0], str) else tuple(map(_for_sqlite, part))


@settings(max_examples=examples(500))
@given(tree=TREES.conditions(), rows=frames(MODERATE))
def test_truth_is_sqlites(
    database: sqlite3.Connection, tree: Tree, rows: list[Sequence[object]]
) -> None:
    """SQLite reads the same text, so this holds the precedence of the grammar too."""
    condition = parse(text(tree), COLUMNS)
    circuit = Circuit([condition])
    evaluation = circuit.evaluate(frame_of(rows))
    names = ", ".join('? AS "' + name.replace('"', '""') + '"' for name in COLUMNS)
    # Names that are words of SQLite's.
    condition_text = re.sub(r"\bcase\b", '"case"', text(for_sqlite(tree)))
    query = f"SELECT {condition_text} FROM (SELECT {names})"
    for at, row in enumerate(rows):
        given = [json.dumps(x) if isinstance(x, tuple) else x for x in user_of(row).values()]
        (found,) = database.execute(query, given).fetchone()
        expected = None if found is None else bool(found)
        assert truth(circuit, evaluation, condition, at) is expected, (text(tree), row)


PIECES = """
    views "spend_30d" device since cluster 1 2.5 .5 1e400 1e 'mobile' ' " ( ) ( ) , ; . = == <> !=
    < <= > >= + - * / % || -- /* */ :: : ? @ # { } [ ] {# #} n' e' x' AND OR NOT IS NULL BETWEEN IN
    TRUE FALSE and or not LIKE ILIKE ESCAPE STARTS WITH starts_with( LOWER( '%_' ~ REGEXP CASE CASE
    WHEN THEN ELSE END SELECT COALESCE( ABS( least( greatest( count( cast( AS
    symmetric distinct from at time zone over interval exists any all é 😀
"""
BLANKS = ("\n", "\t", "\r", "\x00", "\x1c", "\u00a0", "\u2028")
WORDS = st.sampled_from([*PIECES.split(), *BLANKS])


def reads_or_refuses(condition: str) -> None:
    """Any other exception than a RuleError fails the test."""
    with contextlib.suppress(RuleError):
        parse(condition, COLUMNS)


@settings(max_examples=examples(2_000))
@given(st.lists(WORDS, max_size=25), st.sampled_from((" ", "")))
def test_any_words_are_read_or_refused(words: list[str], between: str) -> None:
    reads_or_refuses(between.join(words))


@settings(max_examples=examples(1_000))
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
@example("\ud800 > 1")
@example("views > '\ud800'")
def test_any_text_is_read_or_refused(condition: str) -> None:
    reads_or_refuses(condition)


DEEP = [
    *("(", "-", "- ", "+", "NOT ", "NOT (", "-(", "ABS(", "COALESCE(1, ", "/*", "'", "''", "{#"),
    *("NOT views > ", "NOT (views) = ", "views > 1 AND (", "views > 1 OR NOT ", "views > 1 AND "),
    *("views BETWEEN 1 AND NOT ", "views BETWEEN ", "views IN (", "views IS NULL ", "views, "),
    *(
        "CASE WHEN views > 1 THEN ",
        "CASE WHEN views > ",
        "CASE WHEN ",
        "LOWER(",
        "NOT device LIKE ",
    ),
    *("views + ", "views - (", "views / ", "views = ", "views AND ", "views IN (1) OR "),
]


@pytest.mark.parametrize("piece", DEEP)
@pytest.mark.parametrize("times", [10, 19, 20, 21, 100, 1_000])
def test_depth_and_length_are_bounded(piece: str, times: int) -> None:
    """Neither a RecursionError nor a hang, whatever is repeated, closed or not."""
    start = piece * times
    reads_or_refuses(start)
    reads_or_refuses(start + "views > 1")
    reads_or_refuses(start + "views > 1" + ")" * start.count("("))
    reads_or_refuses(start + "views" + ")" * start.count("(") + " > 1")


@pytest.mark.parametrize("joint", [" + ", " - ", " * ", " / "])
def test_chains_may_be_long(joint: str) -> None:
    condition = parse(joint.join(["views"] * 1_000) + " > 1", COLUMNS)
    circuit = Circuit([condition])
    evaluation = circuit.evaluate(frame_of([(1.0, None, None, None, None, None, ())]))
    expected = {" + ": True, " - ": False, " * ": False, " / ": False}[joint]
    assert truth(circuit, evaluation, condition, 0) is expected


def test_what_conditions_share_is_there_once() -> None:
    texts = [f"views > 3 AND since < {n} AND NOT (device = 'tv' OR views <= 3)" for n in range(200)]
    network = Network([parse(condition, COLUMNS) for condition in texts])
    assert len(network.cells) == 202  # views > 3, device = 'tv', and 200 of since
    assert list(network.rows) == [
        parse(f"{name} IS NULL", COLUMNS).operand for name in ("views", "since", "device")
    ]


def test_a_text_that_no_user_has_is_false_and_not_unknown() -> None:
    condition = parse("device = 'watch'", COLUMNS)
    circuit = Circuit([condition])
    rows = [(None, None, None, None, "tv", None), (None, None, None, None, None, None)]
    evaluation = circuit.evaluate(frame_of(rows))
    assert truth(circuit, evaluation, condition, 0) is False
    assert truth(circuit, evaluation, condition, 1) is None


def test_a_feature_that_is_infinite_is_unknown() -> None:
    condition = parse("views > 3 OR views <= 3", COLUMNS)
    circuit = Circuit([condition])
    evaluation = circuit.evaluate(frame_of([(float("inf"), None, None, None, None, None)]))
    assert truth(circuit, evaluation, condition, 0) is None
