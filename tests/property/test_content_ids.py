"""Ids that are made are of what an event holds, and not of how it is written."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from operators.events.content_ids import ContentIds
from tests.effort import examples

TIME_US: Final = 1_793_527_200_000_000
NAMES: Final = st.sampled_from(["a", "b", "\u00e4", "at"])
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    st.sampled_from(["", "x", "1", "1.0", "1.50", "-0.0", "007", "1e3", "true"]),
)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
RECORDS: Final = st.dictionaries(NAMES, VALUES, max_size=4)


@st.composite
def rewritten(draw: st.DrawFn, value: Any) -> Any:
    """The same in other words: fields in another order, numbers as texts or decimals, no nulls."""
    if type(value) is dict:
        names = draw(st.permutations(list(value)))
        kept = [name for name in names if value[name] not in (None, "") or draw(st.booleans())]
        return {name: draw(rewritten(value[name])) for name in kept}
    if type(value) is list:
        return [draw(rewritten(each)) for each in value]
    if type(value) is int and abs(value) < 2**53:
        return draw(st.sampled_from([value, float(value), str(value), f"{value}.0"]))
    if type(value) is float:
        return draw(st.sampled_from([value, f"{value:.4f}"]))
    return "" if value is None and draw(st.booleans()) else value


def meaning(value: Any) -> Any:
    """What a value is by the plain rules, None for nothing."""
    if type(value) is dict:
        return {n: meaning(x) for n, x in value.items() if meaning(x) is not None} or None
    if type(value) is list:
        return [meaning(each) for each in value] or None
    if value is None or value == "":
        return None
    if type(value) is bool:
        return str(value).lower()
    text = value if type(value) is str else format(value, "d" if type(value) is int else ".10f")
    whole, point, decimals = text.partition(".")
    plain = whole.removeprefix("-") in ("0", whole.removeprefix("-").lstrip("0"))
    if point and plain and (whole + decimals).removeprefix("-").isdecimal():
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def id_of(record: dict[str, Any]) -> str:
    return ContentIds("at").of(json.dumps(record).encode(), TIME_US)


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "at"}


@given(RECORDS, st.data())
@settings(max_examples=examples(200))
def test_how_an_event_is_written_makes_no_difference(
    record: dict[str, Any], data: st.DataObject
) -> None:
    again = data.draw(rewritten(record))
    assert meaning(without_time(again)) == meaning(without_time(record))
    assert id_of(again) == id_of(record)


@given(RECORDS, RECORDS)
@settings(max_examples=examples(200))
def test_events_that_hold_something_else_have_other_ids(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assume(meaning(without_time(one)) != meaning(without_time(other)))
    assert id_of(one) != id_of(other)
