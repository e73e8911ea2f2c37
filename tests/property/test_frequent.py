"""The most frequent of more values than are counted exactly."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.catalog import Catalog
from operators.features.frequent import MOST_VALUES
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.oracle import Event
from tests.property.strategies import GAP, START, cuts
from tests.property.test_profiles import feed, read

CATALOG = Catalog.compile(
    {"favourite": msgspec.convert({"most_frequent": "shop", "window": "lifetime"}, FeatureSpec)},
    GAP,
)
VALUES = [f"shop {number}" for number in range(3 * MOST_VALUES)]

# Some shops come often, most of them rarely.
shops = st.lists(
    st.sampled_from(VALUES[:3]) | st.sampled_from(VALUES), min_size=1, max_size=8 * MOST_VALUES
)


@given(shops, st.data())
@settings(max_examples=200, deadline=None)
def test_a_value_is_found_that_is_nearly_the_most_frequent(
    shown: list[str], data: st.DataObject
) -> None:
    profiles = Profiles(CATALOG)
    events = [
        Event("ann", START + at, "view", properties={"price": None, "shop": shop})
        for at, shop in enumerate(shown)
    ]
    for cut in cuts(data.draw, len(events)):
        feed(profiles, events[cut], by_id=False)
    counts = Counter(shown)
    found = counts[read(profiles, "ann", START + len(shown))["favourite"]]
    most = max(counts.values())
    if len(counts) <= MOST_VALUES:
        assert found == most
    else:
        assert found >= most - len(shown) / MOST_VALUES
