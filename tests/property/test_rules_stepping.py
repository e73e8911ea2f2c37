"""Ages that are computed with: no step is passed over at which something changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.base.frame import Frame
from operators.rules.crossing import CrossingClock, Crossings, computed_with_ages
from operators.rules.parse import parse
from operators.rules.stepping import StepClock, next_step
from operators.rules.tree import ages, atoms
from tests.effort import examples
from tests.property.rules_columns import (
    COLUMNS,
    NOW_US,
    ROWS,
    STEP_US,
    TREES,
    Row,
    frame_of,
    user_after,
)
from tests.property.rules_oracle import Tree, holds, text

MOST_STEPS = 300
DAY_US = 86_400_000_000


def clock_of(condition: str) -> StepClock:
    return StepClock([parse(condition, COLUMNS)], [], STEP_US)


def next_us(condition: str, row: Row, later_us: int = 0) -> int:
    frame = frame_of([row])
    later = replace(frame, now_us=frame.now_us + later_us)
    return int(clock_of(condition).next_us(later)[0])


def steps(frame: Frame, names: set[str], until_us: int) -> list[int]:
    """The steps of some ages after now and before a moment, not more than so many."""
    found: list[int] = []
    while len(found) < MOST_STEPS:
        due = [float(next_step(frame, name, STEP_US)[0]) for name in names]
        after_us = np.nanmin([*due, np.inf])
        if after_us >= until_us:
            break
        found.append(int(after_us))
        frame = replace(frame, now_us=np.array(found[-1:]))
    return found


def stepped(condition: str) -> set[str]:
    found = computed_with_ages(atoms(parse(condition, COLUMNS)))
    return {name for atom in found for name in ages(atom)}


@settings(max_examples=examples(2_000))
@given(TREES.conditions(), ROWS)
def test_nothing_changes_at_a_step_that_is_passed_over(tree: Tree, row: Row) -> None:
    condition = text(tree)
    crossing = CrossingClock(Crossings.of([parse(condition, COLUMNS)], COLUMNS))
    crosses_us = int(crossing.next_change_us(frame_of([row]))[0])
    until_us = min(next_us(condition, row), crosses_us)
    now = holds(tree, user_after(row, 0))
    for at_us in steps(frame_of([row]), stepped(condition), until_us):
        assert holds(tree, user_after(row, at_us - NOW_US)) is now, (condition, at_us - NOW_US)


@settings(max_examples=examples(500))
@given(TREES.conditions(), ROWS)
def test_it_is_looked_at_steps_alone(tree: Tree, row: Row) -> None:
    condition = text(tree)
    due_us = next_us(condition, row)
    assert due_us > NOW_US
    if due_us != NEVER:
        just_before = frame_of([row])
        just_before = replace(just_before, now_us=np.array([due_us - 1]))
        assert steps(just_before, stepped(condition), due_us + 1) == [due_us]


@pytest.mark.parametrize(
    ("condition", "looks"),
    [
        ("young * 2 > old + 4000000", 12),
        ("young > views * 1000000", 12),
        ("1000000 - young < old", 12),
        ("views / young < 0.000001", 12),
        ("ABS(young - 1000000) < 10", 30),
        ("LEAST(young, old) + views > 1000000", 12),
        ("CASE WHEN views > 1 THEN young ELSE old END > 1000000", 45),
        ("COALESCE(young, views) BETWEEN old - 5 AND views * 1000000", 45),
    ],
)
def test_the_further_off_a_change_is_the_fewer_steps_are_looked_at(
    condition: str, looks: int
) -> None:
    """In ten million microseconds there are 891 steps of `young`."""
    row, looked, later_us = (2.0, 0, 5), 0, 0
    while later_us < 10_000_000:
        due_us = next_us(condition, row, later_us)
        if due_us == NEVER:
            break
        later_us = due_us - NOW_US
        looked += 1
    assert looked <= looks, looked


def test_a_change_that_is_seen_at_the_step_of_another_age_is_not_passed_over() -> None:
    """Both count at the steps of either, so neither is sure for longer than the other."""
    frame = frame_of([(2.0, 40, 50_000)])
    alone, both = (
        StepClock([parse(condition, COLUMNS)], [], STEP_US).next_us(frame)[0]
        for condition in ("old + views > 5100", "old + views > 5100 OR young * 2 > 30")
    )
    assert both < alone


def test_what_matters_only_outside_a_segment_is_looked_at_there() -> None:
    frame = frame_of([(2.0, 40, 50), (2.0, 40, 50)])
    clock = StepClock([], [(1, parse("young * 2 > 30", COLUMNS))], STEP_US)
    inside = np.array([[False, False], [True, False]])
    in_, out = clock.next_us(frame, inside)
    assert (in_, out < NEVER) == (NEVER, True)
    assert clock.next_us(frame).max() < NEVER


def test_what_is_null_is_looked_at_never() -> None:
    assert next_us("young * 2 > 30", (2.0, None, 5)) == NEVER
    assert next_us("young / (views - 2) > 30", (2.0, 7, 5)) == NEVER
    assert next_us("young + views > 30", (None, 7, 5)) == NEVER


def test_a_resolution_of_months_is_none_too_long() -> None:
    frame = frame_of([(2.0, 7, 5)])
    clock = StepClock([parse("young * 2 > old + 4000000", COLUMNS)], [], 400 * DAY_US)
    assert NOW_US < int(clock.next_us(frame)[0]) <= NOW_US + 800 * DAY_US


@given(st.integers(-100, 10**15), st.data())
def test_a_step_ends_where_it_does_whenever_it_is_asked_for(
    age_us: int, data: st.DataObject
) -> None:
    row = (None, age_us, None)

    def end_us(later_us: int) -> int:
        frame = frame_of([row])
        later = replace(frame, now_us=frame.now_us + later_us)
        return int(next_step(later, "young", STEP_US)[0]) - NOW_US

    end = end_us(0)
    assert 0 < end <= max(STEP_US, age_us / 30)
    assert end_us(data.draw(st.integers(0, end - 1))) == end
