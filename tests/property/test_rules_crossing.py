"""When time alone changes a condition: brute force over every microsecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.rules.crossing import CrossingClock, Crossings
from operators.rules.parse import parse
from tests.effort import examples
from tests.property.rules_columns import AGES, BARE, COLUMNS, CONSTANT, EXACT, STEP_US, TREES
from tests.property.rules_oracle import Tree, User, holds, text

NOW_US = 1_700_000_000_000_000
HORIZON_US = 90
LONGEST_US = 3_000_000 * 86_400_000_000

Row = tuple[float | None, int | None, int | None]  # views, and how long ago the two ages began
ROWS = st.tuples(
    st.sampled_from((None, 0.0, 2.0)),
    st.none() | st.integers(-30, 50),
    st.none() | st.integers(-30, 50),
)


def frame_of(rows: Sequence[Row], columns: Mapping[str, FeatureColumn] = COLUMNS) -> Frame:
    values = np.full((len(columns), len(rows)), np.nan)
    for at, (views, *elapsed) in enumerate(rows):
        values[0, at] = np.nan if views is None else views
        for age, time_us in enumerate(elapsed, start=1):
            values[age, at] = np.nan if time_us is None else NOW_US - time_us
    return Frame(columns, values, np.full(len(rows), NOW_US), Dictionary())


def user_after(row: Row, later_us: int) -> User:
    """What the oracle sees of a user whom nothing happens to but time."""
    user: dict[str, float | str | None] = {"views": row[0]}
    for name, elapsed in zip(AGES, row[1:], strict=True):
        age = None if elapsed is None else max(elapsed + later_us, 0)
        user[name] = None if age is None else age / COLUMNS[name].unit_us
    return user


def next_changes(tree: Tree, rows: Sequence[Row]) -> list[int]:
    clock = CrossingClock(Crossings.of([parse(text(tree), COLUMNS)], COLUMNS), STEP_US)
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
@given(TREES.conditions(), st.lists(ROWS, max_size=5))
def test_between_steps_only_bare_ages_change(tree: Tree, rows: list[Row]) -> None:
    """With arithmetic the next change is at the next step at the latest, if an age is known."""
    step = NOW_US - NOW_US % STEP_US + STEP_US
    clock = CrossingClock(Crossings.of([parse(text(tree), COLUMNS)], COLUMNS), STEP_US)
    stepped = Crossings.of([parse(text(tree), COLUMNS)], COLUMNS).stepped
    for row, moment in zip(rows, clock.next_change_us(frame_of(rows)), strict=True):
        user = user_after(row, 0)
        assert moment > NOW_US
        if any(user[name] is not None for name in stepped):
            assert moment <= step
        else:
            until = min(moment - NOW_US, HORIZON_US)
            truths = {holds(tree, user_after(row, later)) for later in range(until)}
            assert truths == {holds(tree, user)}, (text(tree), row)


@given(st.integers(-100, 10**15), st.data())
def test_a_step_ends_where_it_does_whenever_it_is_asked_for(
    age_us: int, data: st.DataObject
) -> None:
    clock = CrossingClock(Crossings.of([parse("young + 1 > old", COLUMNS)], COLUMNS), STEP_US)

    def next_us(later_us: int) -> int:
        frame = frame_of([(None, age_us, None)])
        later = Frame(frame.columns, frame.values, frame.now_us + later_us, frame.dictionary)
        return int(clock.next_change_us(later)[0]) - NOW_US

    end_us = next_us(0)
    assert 0 < end_us <= max(STEP_US, age_us / 30)
    assert next_us(data.draw(st.integers(0, end_us - 1))) == end_us


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
    clock = CrossingClock(Crossings.of([condition], columns), STEP_US)
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
