"""The most frequent of more values than are counted exactly."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.catalog import Catalog
from operators.features.kinds.most_frequent import MOST_COUNTED
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import feed, read
from tests.property.strategies import GAP, START, cuts

VALUES = [f"shop {number}" for number in range(3 * MOST_COUNTED)]

# Some shops come often, most of them rarely; first one is all there is, or a few, or many.
shops = st.integers(0, 6 * MOST_COUNTED).flatmap(
    lambda fewest: st.lists(
        st.sampled_from(VALUES[:3]) | st.sampled_from(VALUES),
        min_size=max(fewest, 1),
        max_size=8 * MOST_COUNTED,
    )
)


def profiles_of(window: str) -> Profiles:
    spec = msgspec.convert({"most_frequent": "shop", "window": window}, FeatureSpec)
    return Profiles(Catalog.compile({"favourite": spec}, GAP))


def view(shop: str, at: int, session: str | None = None) -> Event:
    properties = {"price": None, "shop": shop}
    return Event("ann", START + at * SECOND, "view", session, properties)


@given(shops, st.data())
@settings(max_examples=examples(150), deadline=None)
def test_a_value_is_found_that_is_nearly_the_most_frequent(
    shown: list[str], data: st.DataObject
) -> None:
    profiles = profiles_of("lifetime")
    events = [view(shop, at) for at, shop in enumerate(shown)]
    for cut in cuts(data.draw, len(events)):
        feed(profiles, events[cut], by_id=False)
    counts = Counter(shown)
    found = counts[read(profiles, "ann", START + len(shown) * SECOND)["favourite"]]
    most = max(counts.values())
    if len(counts) <= MOST_COUNTED:
        assert found == most
    else:
        assert found >= most - len(shown) / MOST_COUNTED


@pytest.mark.parametrize("together", [True, False])
def test_many_values_at_once_are_taken_in_the_order_of_their_arrival(together: bool) -> None:
    events = [view(shop, at) for at, shop in enumerate([*VALUES, VALUES[5], VALUES[5]])]
    profiles = profiles_of("lifetime")
    for batch in [events] if together else [[event] for event in events]:
        feed(profiles, batch, by_id=False)
    assert read(profiles, "ann", events[-1].time)["favourite"] == VALUES[5]


def test_values_that_count_no_more_are_let_go() -> None:
    profiles = profiles_of("1h")
    feed(profiles, [view(shop, 0) for shop in VALUES], by_id=False)
    feed(profiles, [view("new", 8_000)], by_id=False)
    held = profiles.table.codes_in(np.array([0]))
    assert {profiles.table.dictionary.text(code) for code in held if code >= 0} == {"new"}


def test_a_session_goes_on_where_it_was_though_later_events_of_another_are_known() -> None:
    profiles = profiles_of("session")
    feed(profiles, [view("x", 0, "s1"), view("x", 10_000, "s1")], by_id=True)
    feed(profiles, [view("y", 5, "s2"), view("y", 6, "s2")], by_id=True)
    feed(profiles, [view("z", 7, "s2")], by_id=True)
    assert read(profiles, "ann", START + 8 * SECOND)["favourite"] == "y"


def test_of_equals_the_newest_is_told_and_of_one_moment_the_first_in_the_alphabet() -> None:
    profiles = profiles_of("lifetime")
    feed(profiles, [view("c", 0), view("a", 1), view("b", 1)], by_id=False)
    assert read(profiles, "ann", START)["favourite"] == "a"
    feed(profiles, [view("c", 2), view("b", 3), view("a", 1)], by_id=False)
    assert read(profiles, "ann", START)["favourite"] == "b"
