"""LIKE, ILIKE and STARTS WITH against trying every way in which a % may stand for a text."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from operators.rules.text_tests import ILIKE, LIKE, STARTS_WITH, TextTest
from tests.effort import examples
from tests.property.rules_oracle import holds

ALPHABET = "aAbß%_!\\.*\n"
PIECES = st.lists(st.sampled_from([*ALPHABET, "%", "_", "ab"]), max_size=7).map("".join)


@given(
    st.sampled_from([LIKE, ILIKE, STARTS_WITH]),
    st.text(ALPHABET, max_size=9),
    PIECES,
    st.sampled_from(["", "!", "\\", "%", "a"]),
)
@example(LIKE, "aba", "a%a", "")
@example(LIKE, "a", "a%a", "")
@example(LIKE, "%", "%%", "%")
@settings(max_examples=examples(2_000), deadline=None)
def test_a_text_fits_as_the_oracle_says(
    operator: str, text: str, pattern: str, escape: str
) -> None:
    test = TextTest(operator, pattern, "" if operator == STARTS_WITH else escape)
    if test.problem() is None:
        tree = (operator.lower(), ("column", "x"), pattern, test.escape)
        assert test.fits(text) is holds(tree, {"x": text})


@pytest.mark.parametrize("text", ["ΟΔΟΣ", "οδος", "ΟΔΟΣ ΟΔΟΣ", "Straße", "İ", "ΣΣ"])
def test_case_is_nothing_to_ilike(text: str) -> None:
    """Also not to a sigma, which has another lower case at the end of a word."""
    for pattern in (text, text.lower(), f"%{text[-1]}", f"{text[:-1]}%"):
        assert TextTest(ILIKE, pattern).fits(text), pattern


@pytest.mark.parametrize(
    "pattern", ["%a" * 400 + "b", "%_a" * 300 + "%b", "_%" * 400 + "b", "%" * 900]
)
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    """With backtracking these would not end in the life of the universe."""
    assert TextTest(LIKE, pattern).fits("a" * 1_000) is (set(pattern) == {"%"})
