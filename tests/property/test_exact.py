"""Windows with an exact edge against the oracle: to the microsecond, and with too many events."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event, User, replay
from tests.oracle_features import EXACTLY
from tests.property.feeding import feed, read, same
from tests.property.pipeline import pipeline
from tests.property.replay_cases import told
from tests.property.strategies import GAP, START, cuts

MINUTE = 60 * SECOND
WINDOW = 10 * MINUTE
EXACT: dict[str, Any] = {"window": "10m", "tile": "1m", "exact": True}
FEATURES: dict[str, dict[str, Any]] = {
    "views": {"count": "view", **EXACT},
    "dear": {"count": "any", "where": "price > 3", **EXACT},
    "spend": {"sum": "price", **EXACT},
    "mean": {"mean": "price", "of": "view", **EXACT},
    "least": {"min": "price", **EXACT},
    "greatest": {"max": "price", **EXACT},
    "middle": {"median": "price", **EXACT},
    "shops": {"unique_list": "shop", "most": 2, **EXACT},
}
TILES = dict.fromkeys(FEATURES, MINUTE)
RETAINED = (MINUTE, 11)  # a part of one more tile than the window has is in it

prices = st.sampled_from([None, 0.0, 2.5, 40.0, -3.25])


def compiled() -> Catalog:
    specs = {name: msgspec.convert(each, FeatureSpec) for name, each in FEATURES.items()}
    return Catalog.compile(specs, GAP)


@st.composite
def bursts(draw: st.DrawFn, most: int = 80) -> list[Event]:
    """Some events and many at once, in the order of arrival; some come late."""
    now, found = START, []
    for _ in range(draw(st.integers(1, 6))):
        now += draw(st.integers(0, 7 * 60)) * SECOND + draw(st.sampled_from([0, 1, 999_999]))
        kind, price = draw(st.sampled_from(["view", "view", "cart"])), draw(prices)
        step = draw(st.sampled_from([0, 1, SECOND, 5 * SECOND]))
        back = draw(st.sampled_from([0, 0, 0, MINUTE, 9 * MINUTE, WINDOW]))
        for at in range(draw(st.sampled_from([1, 2, 3, 30, most]))):
            properties = {"price": price, "shop": "abc"[at % 3]}
            found.append(Event("ann", now - back + at * step, kind, None, properties))
        now = max(now, found[-1].time)
    return found


@given(chosen=bursts(), data=st.data())
@settings(max_examples=examples(300), deadline=None)
def test_exact_windows_equal_the_oracle(chosen: list[Event], data: st.DataObject) -> None:
    profiles, oracle = Profiles(compiled()), User(FEATURES, TILES, RETAINED, GAP, False)
    for cut in cuts(data.draw, len(chosen)):
        late = feed(profiles, chosen[cut], by_id=False)
        taken = [oracle.add(event) for event in chosen[cut]]
        assert [at for at, one in enumerate(taken) if not one] == sorted(late)
        if oracle.events:
            edge = data.draw(st.sampled_from(oracle.events)).time + WINDOW
            now = max(edge + data.draw(st.integers(-2, 2)), oracle.newest)
            found, expected = read(profiles, "ann", now), oracle.values(now)
            assert same(found, expected), (found, expected)


@given(chosen=bursts(most=3), data=st.data())
@settings(max_examples=examples(100), deadline=None)
def test_a_change_is_told_for_the_microsecond_at_which_it_comes(
    chosen: list[Event], data: st.DataObject
) -> None:
    profiles, oracle = Profiles(compiled()), User(FEATURES, TILES, RETAINED, GAP, False)
    feed(profiles, chosen, by_id=False)
    for event in chosen:
        oracle.add(event)
    row, now, changes = np.array([profiles.table.index["ann"]]), oracle.newest, []
    while now != NEVER:
        assert same(read(profiles, "ann", now), oracle.values(now))
        now = int(profiles.evaluate(row, np.array([now])).change_us[0])
        changes.append(now)
    assert {time + WINDOW for time in _known(oracle)} <= {*changes}


def _known(oracle: User) -> list[int]:
    """When the views were that are kept by their moments: the newest ones, in the window."""
    views = sorted(event.time for event in oracle.events if event.type == "view")
    return [time for time in views[-EXACTLY:] if time > oracle.newest - WINDOW]


SEGMENTS = {
    "Lookers": {"when": "views >= 2"},
    "Dear": {"when": "spend > 60 OR greatest >= 40"},
    "Cheap": {"when": "mean < 3 AND dear = 0", "min_dwell": "90s"},
    "At c": {"when": "contains(shops, 'c') AND middle IS NOT NULL"},
}


@given(chosen=bursts(), resolution=st.sampled_from([10 * SECOND, 7 * SECOND]), data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_memberships_end_at_the_edge(
    chosen: list[Event], resolution: int, data: st.DataObject
) -> None:
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 1_000)) * SECOND
    run = pipeline(FEATURES, SEGMENTS, GAP, lanes=1, resolution=resolution, by_id=False)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    user = User(FEATURES, TILES, RETAINED, GAP, False)
    expected = replay(user, chosen, SEGMENTS, resolution, as_of)
    assert told(run) == {("ann", *move) for move in expected}


def test_what_is_too_much_to_be_exact_is_told() -> None:
    profiles = Profiles(compiled())
    at = [START + n * SECOND for n in range(EXACTLY + 1)]
    views = [Event("ann", time, "view", None, {"price": None, "shop": None}) for time in at]
    feed(profiles, views[:EXACTLY], by_id=False)
    assert read(profiles, "ann", at[-1])["views"] == EXACTLY
    assert profiles.take_overflowed() == 0
    feed(profiles, views[EXACTLY:], by_id=False)
    assert read(profiles, "ann", at[-1])["views"] == EXACTLY + 1
    assert profiles.take_overflowed() == 1
    assert profiles.take_overflowed() == 0
    assert read(profiles, "ann", at[0] + WINDOW)["views"] == EXACTLY


def test_in_tiles_the_edge_would_be_that_of_a_tile() -> None:
    """What `exact` is for: without it an event counts up to a tile less."""
    at, edge = START + 30 * SECOND, START + 30 * SECOND + WINDOW
    assert _counted(FEATURES["views"], at, edge - 1) == 1
    assert _counted(FEATURES["views"], at, edge) == 0
    tiled = {"count": "view", "window": "10m", "tile": "1m"}
    drops = (at // MINUTE + 10) * MINUTE
    assert edge - MINUTE < drops < edge
    assert _counted(tiled, at, drops - 1) == 1
    assert _counted(tiled, at, drops) == 0


def _counted(spec: dict[str, Any], at: int, now: int) -> float:
    """How many of one view at a moment count at another."""
    catalog = Catalog.compile({"x": msgspec.convert(spec, FeatureSpec)}, GAP)
    profiles = Profiles(catalog)
    feed(profiles, [Event("ann", at, "view", None, {"price": None, "shop": None})], by_id=False)
    count: float = read(profiles, "ann", now)["x"]
    return count
