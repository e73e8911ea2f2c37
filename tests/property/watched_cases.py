"""Conditions and segments for tests of when users are looked at, near what features come to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from operators.base.frame import Kind
from tests.oracle import SECOND
from tests.property.feeding import catalog_of
from tests.property.replay_cases import MINUTE
from tests.property.strategies import events, features

# So that values stand on both sides of them, or on them.
NUMBERS = st.sampled_from([0, 0.0005, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 50, 100, 250.5, -3])
COMPARED = st.sampled_from(["<", "<=", "=", "<>", ">", ">="])

# Features, a history of them, and whatever a test draws besides.
by_the_event_clock = given(
    names=features,
    chosen=events(most=25),
    resolution=st.sampled_from([SECOND, MINUTE, 7 * MINUTE]),
    by_id=st.booleans(),
    data=st.data(),
)


@st.composite
def conditions(draw: st.DrawFn, names: list[str]) -> str:
    """A comparison of a feature, or of two in an expression."""
    columns = catalog_of(names).columns
    name = draw(st.sampled_from(names))
    numbers = [other for other in names if not columns[other].kind.coded]
    match columns[name].kind:
        case Kind.LIST:
            return f"contains({name}, 'a')"
        case Kind.CATEGORY:
            texts = [
                f"{name} = 'b'",
                f"{name} IS NULL",
                f"{name} <> 'a'",
                f"UPPER({name}) LIKE '_'",
            ]
            return draw(st.sampled_from(texts))
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    forms = [
        f"{name} {draw(COMPARED)} {low}",
        f"{name} BETWEEN {low} AND {high}",
        f"{name} IN ({low}, {high})",
        f"{name} IS NOT NULL",
        f"{name} + {draw(st.sampled_from(numbers))} > {high}",
        f"{name} > {draw(st.sampled_from(numbers))}",
        f"CASE WHEN {name} > {low} THEN {draw(st.sampled_from(numbers))} ELSE {low} END > {high}",
        f"CASE WHEN {name} < {high} THEN 'new' WHEN {name} IS NULL THEN 'none' END LIKE 'n%w'",
    ]
    return draw(st.sampled_from(forms[:1] * 3 + forms[1:]))


@st.composite
def segments(
    draw: st.DrawFn, names: list[str], more: tuple[dict[str, Any], ...] = ()
) -> dict[str, dict[str, Any]]:
    """Some segments over features; some also have one of `more`."""
    found: dict[str, dict[str, Any]] = {}
    for number in range(draw(st.integers(1, 4))):
        joined = f" {draw(st.sampled_from(['AND', 'OR']))} "
        spec = {"when": joined.join(draw(st.lists(conditions(names), min_size=1, max_size=2)))}
        if draw(st.booleans()):
            spec["leave_when"] = draw(conditions(names))
        spec |= draw(st.sampled_from([{}, {}, {"min_dwell": "11m"}, {"cooldown": "25m"}, *more]))
        found[f"segment {number}"] = spec
    return found
