"""What is said never to be true is true of nobody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.rules.parse import parse
from operators.rules.satisfiability import never_true
from tests.effort import examples
from tests.property.rules_kinds import COLUMNS
from tests.property.rules_oracle import Tree, Trees, holds, text

NUMBERS = st.tuples(st.just("number"), st.sampled_from((0.0, 1.0, 2.0, 3.0)))
SINCE = st.just(("column", "since"))
ATOMS = st.one_of(
    st.tuples(st.sampled_from(("=", ">", ">=")), SINCE, NUMBERS),
    st.tuples(st.just("between"), SINCE, NUMBERS, NUMBERS),
    st.tuples(st.just("in"), SINCE, st.lists(NUMBERS, min_size=1, max_size=3)),
    Trees(("since", "views"), constants=(0.0, 1.0, 2.0, 3.0)).atoms(),
)
CONDITIONS = Trees(("since", "views")).conditions(ATOMS)
MOST = st.sampled_from((0.0, 0.5, 1.0, 2.0, 2.5))


@settings(max_examples=examples(500))
@given(CONDITIONS, MOST, st.lists(st.tuples(MOST, MOST), min_size=1, max_size=8))
def test_nobody_within_reach_fulfils_what_never_holds(
    tree: Tree, most: float, users: list[tuple[float, float]]
) -> None:
    if never_true(parse(text(tree), COLUMNS), {"since": most}) is not None:
        for since, views in users:
            assert holds(tree, {"since": min(since, most), "views": views}) is not True


NEVER = {
    "since > 7": "since > 7",
    "8 <= since": "since >= 8",
    "since = 9": "since = 9",
    "since BETWEEN 8 AND 20": "since BETWEEN 8 AND 20",
    "since IN (8, 9)": "since IN (8, 9)",
    "views > 3 AND since > 30": "since > 30",
    "NOT (views > 3 OR since <= 30)": "since > 30",
    "since > 30 OR since = 8": "since > 30",
    "since > 30 AND device LIKE 'm%'": "since > 30",
}


@pytest.mark.parametrize("condition", NEVER)
def test_what_never_holds(condition: str) -> None:
    assert str(never_true(parse(condition, COLUMNS), {"since": 7})) == NEVER[condition]


@pytest.mark.parametrize(
    "condition",
    [
        *("since > 6.9", "since >= 7", "since IN (8, 7)", "since BETWEEN 7 AND 9", "since < 30"),
        *("NOT since > 30", "since NOT IN (30)", "since > 30 OR views > 3", "views > 30"),
        *("CASE WHEN since > 30 THEN 1 ELSE 0 END = 0", "views > CASE WHEN views > 1 THEN 1 END"),
        *("since > CASE WHEN views > 1 THEN 30 ELSE 3 END", "device LIKE 'm%' OR since > 30"),
        *("since / 2 > 30", "COALESCE(since, 40) > 30", "since > views", "since IS NULL"),
    ],
)
def test_what_may_hold(condition: str) -> None:
    assert never_true(parse(condition, COLUMNS), {"since": 7}) is None
