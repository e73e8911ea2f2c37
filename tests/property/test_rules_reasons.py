"""The why: what it names holds, and is enough to make the condition what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.rules.circuit import Circuit
from operators.rules.explain import Reasons, Told, explain
from operators.rules.parse import parse
from tests.effort import examples
from tests.property.rules_oracle import COMPARISONS, Tree, Trees, holds, text

NAMES = ("a", "b", "c", "d")
COLUMNS = {name: FeatureColumn(name, Kind.NUMBER) for name in NAMES}
LIMITS = (0.0, 1.0, 2.5, 1e16, 1234567.25)
NEAR = [
    near
    for x in LIMITS
    for near in (x, float(np.nextafter(x, -1e99)), float(np.nextafter(x, 1e99)))
]
VALUES = st.none() | st.sampled_from([*NEAR, -3.0, 7.0])
USERS = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))
COLUMN = st.tuples(st.just("column"), st.sampled_from(NAMES))
LIMIT = st.tuples(st.just("number"), st.sampled_from(LIMITS))
ATOMS = st.one_of(
    st.tuples(st.sampled_from(COMPARISONS), COLUMN, LIMIT),
    st.tuples(st.sampled_from(("between", "not between")), COLUMN, LIMIT, LIMIT),
    st.tuples(st.sampled_from(("in", "not in")), COLUMN, st.lists(LIMIT, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(("null", "not null")), COLUMN),
)
CONDITIONS = Trees(NAMES).conditions(ATOMS)
FACT = re.compile(r"(\w) (?:= (\S+)|is unknown) \((.+)\)")

User = Mapping[str, float | None]


def why(tree: Tree, user: User) -> list[str]:
    condition = parse(text(tree), COLUMNS)
    circuit = Circuit([condition])
    values = np.array([[np.nan if user[name] is None else user[name]] for name in NAMES], float)
    frame = Frame(COLUMNS, values, np.array([0]), Dictionary())
    (case,) = circuit.evaluate(frame).cases(np.array([0]))
    return explain(Reasons(circuit).of(condition), Told(case))


def facts(reasons: list[str]) -> list[tuple[str, float | None, str]]:
    """Each reason as the column, the value shown (None is unknown) and what is said of it."""
    matches = [FACT.fullmatch(reason) for reason in reasons if reason not in ("TRUE", "FALSE")]
    return [(m[1], float(m[2]) if m[2] else None, m[3]) for m in matches if m is not None]


def agrees(fact: tuple[str, float | None, str], user: User) -> bool | None:
    """Whether what a reason says of its column is true of a user; None is unknown."""
    name, _, said = fact
    value = user[name]
    if said.startswith("IS "):
        return (value is None) is (said == "IS NULL")
    if value is None:
        return None
    operator, _, rest = said.removeprefix("NOT ").partition(" ")
    numbers = [float(word) for word in re.split(r"[(), ]+|AND", rest) if word]
    plain = {
        "BETWEEN": lambda: numbers[0] <= value <= numbers[1],
        "IN": lambda: value in numbers,
        "=": lambda: value == numbers[0],
        "<>": lambda: value != numbers[0],
        "<": lambda: value < numbers[0],
        "<=": lambda: value <= numbers[0],
        ">": lambda: value > numbers[0],
        ">=": lambda: value >= numbers[0],
    }[operator]()
    return plain is not said.startswith("NOT ")


@settings(max_examples=examples(400))
@given(CONDITIONS, USERS)
def test_each_reason_is_well_formed_once_and_holds(tree: Tree, user: User) -> None:
    """As shown, rounded, too: 2.5000000000000004 is not said to be 2.5 (> 2.5)."""
    reasons = why(tree, user)
    truth = holds(tree, user)
    found = facts(reasons)
    assert reasons
    assert len(reasons) == len(set(reasons))
    assert len(found) == sum(reason not in ("TRUE", "FALSE") for reason in reasons)
    for fact in found:
        name, shown, _ = fact
        expected = None if truth is None else True
        assert agrees(fact, user) is expected
        assert agrees(fact, {**user, name: shown}) is expected


@settings(max_examples=examples(400))
@given(CONDITIONS, USERS, st.lists(USERS, min_size=20, max_size=20))
def test_whoever_fits_the_reasons_fits_the_condition(
    tree: Tree, user: User, others: list[User]
) -> None:
    truth = holds(tree, user)
    found = facts(why(tree, user))
    if truth is None:
        return
    for other in others:
        # One column after the other as the explained user has it, to meet the reasons often.
        for mixed in (other, {**other, **{name: user[name] for name, *_ in found}}):
            if all(agrees(fact, mixed) for fact in found):
                assert holds(tree, mixed) is truth, (text(tree), found, mixed)


@settings(max_examples=examples(400))
@given(CONDITIONS, USERS, USERS)
def test_an_unknown_is_decided_once_its_reasons_are_known(
    tree: Tree, user: User, other: User
) -> None:
    if holds(tree, user) is not None:
        return
    unknown = {name for name, *_ in facts(why(tree, user))}
    assert all(user[name] is None for name in unknown)
    known = {name: 7.0 if other[name] is None else other[name] for name in unknown}
    assert holds(tree, {**user, **known}) is not None
