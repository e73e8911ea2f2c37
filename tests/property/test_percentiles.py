"""Percentiles of more values than are kept: of the newest, whatever came when."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.catalog import Catalog
from operators.features.kinds.percentiles import MOST_VALUES
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event, User
from tests.property.feeding import feed, read
from tests.property.strategies import GAP, START, cuts

SPECS = {
    "median": {"median": "price", "window": "lifetime"},
    "quartile_1h": {"percentile": "price", "at": 25, "window": "1h", "tile": "10m"},
}
TILES = {"quartile_1h": 600 * SECOND}
CATALOG = Catalog.compile(
    {name: msgspec.convert(spec, FeatureSpec) for name, spec in SPECS.items()}, GAP
)

# Whole minutes, so that many events share one.
bursts = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 40), st.integers(0, 100)), min_size=1, max_size=8
)


@given(bursts, st.data())
@settings(max_examples=examples(150), deadline=None)
def test_percentiles_are_those_of_the_newest_values(
    drawn: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    chosen = [
        Event("ann", START + minute * 60 * SECOND, "view", properties={"price": price, "shop": "a"})
        for minute, count, first in drawn
        for price in range(first, first + count)
    ]
    profiles = Profiles(CATALOG)
    oracle = User(SPECS, TILES, (600 * SECOND, 6), GAP, False)
    for cut in cuts(data.draw, len(chosen)):
        feed(profiles, chosen[cut], by_id=False)
        for event in chosen[cut]:
            oracle.add(event)
        if oracle.events:
            now = oracle.newest + data.draw(st.integers(0, 4_000)) * SECOND
            assert read(profiles, "ann", now) == oracle.values(now)


def test_more_values_come_than_are_kept() -> None:
    profiles = Profiles(CATALOG)
    events = [
        Event("ann", START + at, "view", properties={"price": float(at), "shop": None})
        for at in range(10 * MOST_VALUES)
    ]
    feed(profiles, events, by_id=False)
    assert read(profiles, "ann", START + 10 * MOST_VALUES)["median"] == 9.5 * MOST_VALUES - 0.5
