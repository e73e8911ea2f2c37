"""When time alone changes a condition: brute force over every microsecond."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.rules.crossing import CrossingClock, Crossings
from operators.rules.parse import parse
from tests.effort import examples
from tests.property.rules_columns import (
    BARE,
    COLUMNS,
    CONSTANT,
    EXACT,
    HORIZON_US,
    NOW_US,
    ROWS,
    TREES,
    Row,
    frame_of,
    user_after,
)
from tests.property.rules_oracle import Tree, holds, text

LONGEST_US = 3_000_000 * 86_400_000_000


def next_changes(tree: Tree, rows: Sequence[Row]) -> list[int]:
    clock = CrossingClock(Crossings.of([parse(text(tree), COLUMNS)], COLUMNS))
    return [int(moment) for moment in clock.next_change_us(frame_of(rows))]


@settings(max_examples=examples(500))
@given(TREES.conditions(EXACT), st.lists(ROWS, max_size=5))
def test_nothing_changes_before_the_next_change(tree: Tree, rows: list[Row]) -> None:
    for row, moment in zip(rows, next_changes(tree, rows), strict=True):
        assert moment > NOW_US
        now = holds(tree, user_after(row, 0))
        until = min(moment - NOW_US, HORIZON_US)
        truths = {holds(tree, user_after(row, later)) for later in range(until)}
        assert truths == {now}, (text(tree), row, moment - NOW_US)


@settings(max_examples=examples(500))
@given(
    st.tuples(st.sampled_from(("<", "<=", ">", ">=")), BARE, CONSTANT),
    st.lists(ROWS, min_size=1, max_size=5),
)
def test_one_comparison_changes_exactly_then(tree: Tree, rows: list[Row]) -> None:
    for row, moment in zip(rows, next_changes(tree, rows), strict=True):
        if moment == NEVER:
            truths = {holds(tree, user_after(row, later)) for later in (0, HORIZON_US, LONGEST_US)}
            assert len(truths) == 1
        else:
            before = holds(tree, user_after(row, moment - NOW_US - 1))
            assert holds(tree, user_after(row, moment - NOW_US)) is not before


REAL_UNITS_US = (1_000, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000)


@settings(max_examples=examples(500))
@given(
    st.sampled_from(REAL_UNITS_US),
    st.sampled_from((">", ">=")),
    st.floats(0.001, 5_000),
    st.integers(-2, 2),
)
def test_rounding_moves_no_crossing(unit_us: int, operator: str, limit: float, off: int) -> None:
    """Ages of real units and any decimal: the age says so at the moment, and not just before."""
    columns = {**COLUMNS, "young": FeatureColumn("young", Kind.AGE, unit_us)}
    condition = parse(f"young {operator} {limit!r}", columns)
    clock = CrossingClock(Crossings.of([condition], columns))
    elapsed = round(limit * unit_us) + off
    frame = frame_of([(None, elapsed, None)], columns)
    (moment,) = clock.next_change_us(frame)

    def passed(at_us: int) -> bool:
        age = Frame(columns, frame.values, np.array([at_us]), frame.dictionary).numbers("young")[0]
        return bool(age > limit if operator == ">" else age >= limit)

    if moment == NEVER:
        assert passed(NOW_US)
    else:
        assert (passed(moment - 1), passed(moment)) == (False, True)


def test_null_ages_and_what_has_no_age_never_change() -> None:
    tree = ("and", (">", ("column", "young"), ("number", 1.0)), ("null", ("column", "views")))
    assert next_changes(tree, [(None, None, 3)]) == [NEVER]
    assert next_changes((">", ("column", "views"), ("number", 1.0)), [(1.0, 0, 0)]) == [NEVER]


def test_a_moment_in_the_future_is_not_missed() -> None:
    assert next_changes((">", ("column", "young"), ("number", 0.0)), [(None, -5, None)]) == [
        NOW_US + 5 + 1
    ]
    assert next_changes((">=", ("column", "young"), ("number", 2.0)), [(None, -5, None)]) == [
        NOW_US + 5 + 14
    ]
