"""Lists of more values than they hold, of any texts, and what others are told of them."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.frame import list_text, list_values
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import feed, read
from tests.property.pipeline import pipeline
from tests.property.strategies import GAP, START, cuts

MOST = 4
SPEC = {"unique_list": "shop", "window": "lifetime", "most": MOST}

shown = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 12)), max_size=60)


def view(shop: str, at: int, session: str | None = None) -> Event:
    return Event("ann", START + at * SECOND, "view", session, {"price": None, "shop": shop})


def profiles_of(**changes: object) -> Profiles:
    spec = msgspec.convert({**SPEC, **changes}, FeatureSpec)
    return Profiles(Catalog.compile({"shops": spec}, GAP))


def shops(profiles: Profiles, at: int) -> list[str]:
    found: list[str] = read(profiles, "ann", START + at * SECOND)["shops"]
    return found


@given(shown, st.data())
@settings(max_examples=examples(200), deadline=None)
def test_the_newest_are_kept_however_late_the_others_come(
    events: list[tuple[str, int]], data: st.DataObject
) -> None:
    profiles = profiles_of()
    profiles.table.rows_of(["ann"])
    for cut in cuts(data.draw, len(events)):
        feed(profiles, [view(shop, at) for shop, at in events[cut]], by_id=False)
    newest = {shop: (at, order) for order, (shop, at) in enumerate(sorted(events, key=_time))}
    assert shops(profiles, 0) == sorted(newest, key=newest.__getitem__, reverse=True)[:MOST]


def _time(event: tuple[str, int]) -> int:
    return event[1]


@given(st.lists(st.text()))
def test_a_list_as_one_text_is_any_list(values: list[str]) -> None:
    assert list_values(list_text(values)) == values


def test_values_that_made_room_leave_no_text() -> None:
    profiles = profiles_of()
    feed(profiles, [view(shop, at) for at, shop in enumerate("abcdef")], by_id=False)
    assert shops(profiles, 9) == ["f", "e", "d", "c"]
    profiles.journal.commit()
    profiles.journal.compact()
    held = profiles.table.codes_in(np.array([0])) - {-1}
    assert {profiles.table.dictionary.text(code) for code in held} == {"f", "e", "d", "c"}
    assert len(profiles.table.dictionary) == MOST


def test_a_session_begins_with_an_empty_list_and_ends_with_one() -> None:
    profiles = profiles_of(window="session")
    feed(profiles, [view("a", 0, "s1"), view("b", 5, "s2")], by_id=True)
    feed(profiles, [view("c", 1, "s1"), view("d", 6, "s2")], by_id=True)
    assert shops(profiles, 7) == ["d", "b"]
    assert shops(profiles, 7 + GAP // SECOND) == []


def test_an_assignment_shows_the_list_and_why_it_counts() -> None:
    segments = {
        "Knows b": {"when": "contains(shops, 'b')"},
        "Not c": {"when": "NOT contains(shops, 'c')"},
    }
    run = pipeline({"shops": SPEC}, segments, GAP, lanes=1, resolution=SECOND, by_id=False)
    odd = '","'
    run.feed([view(shop, 0) for shop in ("a", odd, "b", "b,c", "a")])
    run.finish(START + SECOND)
    told = run.assignments["ann"]
    assert told.features == {"shops": ["a", "b,c", "b", odd]}
    assert told.why == {
        "Knows b": ["shops contains 'b'"],
        "Not c": ["shops does not contain 'c'"],
    }


def test_who_showed_nothing_has_an_empty_list() -> None:
    segments = {"Not c": {"when": "NOT contains(shops, 'c')"}}
    run = pipeline({"shops": SPEC}, segments, GAP, lanes=1, resolution=SECOND, by_id=False)
    run.feed([Event("ann", START, "view", None, {"price": 3.0, "shop": None})])
    run.finish(START + SECOND)
    assert run.assignments["ann"].features == {"shops": []}
