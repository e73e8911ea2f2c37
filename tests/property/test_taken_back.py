"""`last`, `first` and `since_change` forget what is taken back, however batches are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.events.batch import EventBatch
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.effort import examples
from tests.oracle import SECOND
from tests.property.feeding import read
from tests.property.strategies import GAP, START, cuts

FEATURES: Final[dict[str, dict[str, Any]]] = {
    "last": {"last": "plan", "of": "set", "default": "none"},
    "first": {"first": "plan", "of": "set"},
    "since": {"since_change": "plan", "of": "set", "unit": "seconds"},
    "last_price": {"last": "price", "type": "number", "of": "set", "default": -1},
    "first_price": {"first": "price", "type": "number", "of": "set"},
    "since_price": {"since_change": "price", "type": "number", "of": "set", "unit": "seconds"},
    "spend": {"sum": "price", "window": "lifetime"},
    "plans": {"unique_list": "plan", "window": "lifetime"},
}


@dataclass(frozen=True)
class Told:
    """An event that says a value of both properties, takes them back (null), or says nothing."""

    user: str
    time: int
    type: str
    value: int | None
    null: bool


told = st.builds(
    Told,
    user=st.sampled_from(["ann", "bob"]),
    time=st.integers(0, 9).map(lambda second: START + second * SECOND),
    type=st.sampled_from(["set", "set", "view"]),
    value=st.sampled_from([None, 1, 2, 3]),
    null=st.booleans(),
).map(
    lambda each: Told(each.user, each.time, each.type, None if each.null else each.value, each.null)
)


def batch(events: list[Told]) -> EventBatch:
    nulls = np.array([each.null for each in events], np.bool_)
    values = [each.value for each in events]
    return EventBatch(
        users=[each.user for each in events],
        time_us=np.array([each.time for each in events], np.int64),
        type=np.array([int(each.type != "set") for each in events], np.int64),
        session=None,
        numbers={"price": np.array(values, np.float64)},
        texts={"plan": [None if value is None else str(value) for value in values]},
        source=np.arange(len(events)),
        taken_back={"price": nulls, "plan": nulls},
    )


def expected(events: list[Told], now: int) -> dict[str, Any]:
    """By the plain rules, one event at a time in the order of arrival."""
    last: tuple[int, int | None] = (-1, None)
    first: tuple[int, int | None] | None = None
    change: tuple[int, int | None] = (-1, None)
    since: int | None = None
    for each in (x for x in events if x.type == "set" and (x.null or x.value is not None)):
        if each.time >= last[0]:
            last = (each.time, each.value)
        if first is None or each.null or first[1] is None:
            if first is None or each.time >= first[0]:
                first = (each.time, each.value)
        elif each.time < first[0]:
            first = (each.time, each.value)
        if each.time >= change[0]:
            if each.value != change[1]:
                since = None if each.value is None else each.time
            change = (each.time, each.value)
    values = [each.value for each in events if each.value is not None]
    newest = sorted((x for x in events if x.value is not None), key=lambda each: each.time)
    kept = None if first is None else first[1]
    age = None if since is None else (now - since) / SECOND
    return {
        "last": "none" if last[1] is None else str(last[1]),
        "first": None if kept is None else str(kept),
        "since": age,
        "last_price": -1.0 if last[1] is None else float(last[1]),
        "first_price": kept,
        "since_price": age,
        "spend": float(sum(values)),
        "plans": list(dict.fromkeys(str(each.value) for each in reversed(newest))),
    }


@given(st.lists(told, min_size=1, max_size=14), st.data())
@settings(max_examples=examples(300), deadline=None)
def test_what_is_taken_back_is_forgotten(events: list[Told], data: st.DataObject) -> None:
    specs = {name: msgspec.convert(spec, FeatureSpec) for name, spec in FEATURES.items()}
    profiles = Profiles(Catalog.compile(specs, GAP))
    for cut in cuts(data.draw, len(events)):
        arrived = profiles.arrive(batch(events[cut]))
        profiles.journal.begin(arrived.arrivals.touched)
        profiles.add(arrived.arrivals)
    now = START + 60 * SECOND
    for user in {each.user for each in events}:
        own = [each for each in events if each.user == user]
        assert read(profiles, user, now) == expected(own, now)
