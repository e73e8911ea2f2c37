"""Distinct counts of more values than are kept: bounded, close, and exact again afterwards."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.catalog import Catalog
from operators.features.kinds.distinct import MOST_KEPT
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import feed, read
from tests.property.strategies import GAP, START, cuts

SPECS = {
    "shops_1h": {"distinct": "shop", "window": "1h"},
    "shops_session": {"distinct": "shop", "window": "session"},
    "shops": {"distinct": "shop", "window": "lifetime"},
}
CATALOG = Catalog.compile(
    {name: msgspec.convert(spec, FeatureSpec) for name, spec in SPECS.items()}, GAP
)
HOUR = 3600 * SECOND


def visits(count: int, start: int = START, user: str = "ann", first: int = 0) -> list[Event]:
    """So many events within a quarter of an hour, each in a shop of its own."""
    return [
        Event(
            user=user,
            time=start + at * 900 * SECOND // count,
            type="view",
            properties={"price": None, "shop": f"shop {first + at}"},
        )
        for at in range(count)
    ]


def kept(profiles: Profiles, name: str) -> int:
    """How many values a feature holds on to, once it was pruned."""
    profiles.prune()
    return len(profiles.table.sets[f"distinct.{name}"])


def test_up_to_the_bound_the_number_is_exact_and_one_more_is_an_estimate() -> None:
    profiles = Profiles(CATALOG)
    feed(profiles, visits(MOST_KEPT), by_id=False)
    now = START + 900 * SECOND
    assert set(read(profiles, "ann", now).values()) == {MOST_KEPT}
    feed(profiles, visits(1, now, first=MOST_KEPT), by_id=False)
    assert all(kept(profiles, name) <= MOST_KEPT for name in SPECS)
    for number in read(profiles, "ann", now).values():
        assert number == pytest.approx(MOST_KEPT + 1, rel=0.15)


@pytest.mark.parametrize("count", [3_000, 20_000, 100_000])
def test_however_many_there_are_few_are_kept_and_the_estimate_is_close(count: int) -> None:
    profiles = Profiles(CATALOG)
    events = visits(count)
    for start in range(0, count, 7_000):
        feed(profiles, events[start : start + 7_000], by_id=False)
    feed(profiles, visits(5, user="bob"), by_id=False)
    for name, number in read(profiles, "ann", events[-1].time).items():
        assert MOST_KEPT / 3 < kept(profiles, name) <= MOST_KEPT + 5
        assert number == pytest.approx(count, rel=0.15)  # more than three standard errors
    assert set(read(profiles, "bob", START).values()) == {5}


@given(st.integers(MOST_KEPT + 1, 3 * MOST_KEPT), st.data())
@settings(max_examples=examples(20), deadline=None)
def test_an_estimate_of_a_lifetime_depends_on_neither_order_nor_batches(
    count: int, data: st.DataObject
) -> None:
    events = visits(count)
    numbers = set()
    for arriving in (events, [*reversed(events)]):
        profiles = Profiles(CATALOG)
        for cut in cuts(data.draw, len(arriving)):
            feed(profiles, arriving[cut], by_id=False)
        numbers.add(read(profiles, "ann", events[-1].time)["shops"])
    assert len(numbers) == 1


def test_what_is_over_is_forgotten_and_counting_is_exact_again() -> None:
    profiles = Profiles(CATALOG)
    feed(profiles, visits(5 * MOST_KEPT), by_id=False)
    later = START + 2 * HOUR
    assert read(profiles, "ann", later)["shops_1h"] == 0
    feed(profiles, visits(7, later), by_id=False)
    values = read(profiles, "ann", later + 900 * SECOND)
    assert (values["shops_1h"], values["shops_session"]) == (7, 7)
    assert values["shops"] == pytest.approx(5 * MOST_KEPT, rel=0.15)


def test_a_window_empties_bit_by_bit() -> None:
    profiles = Profiles(CATALOG)
    for quarter in range(4):
        start = START + quarter * 900 * SECOND
        feed(profiles, visits(2_000, start, first=2_000 * quarter), by_id=False)
    asked = [START + HOUR - 1, START + HOUR + 1_800 * SECOND]
    found = [read(profiles, "ann", now)["shops_1h"] for now in asked]
    assert found[0] > found[1] > 0
    assert found[1] == pytest.approx(4_000, rel=0.3)


def test_the_sample_goes_on_after_a_restart() -> None:
    profiles, log = Profiles(CATALOG), []
    for start in (0, 1):
        feed(profiles, visits(3_000, first=3_000 * start), by_id=False)
        log.append(profiles.journal.commit())
    restored = Profiles(CATALOG)
    restored.journal.restore(None, [], log)
    for each in (profiles, restored):
        feed(each, visits(3_000, first=4_000), by_id=False)
    now = START + 900 * SECOND
    assert read(restored, "ann", now) == read(profiles, "ann", now)
