"""Whatever bytes arrive: each record is used or refused, alone as in company."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.events.batch import EventBatch
from operators.events.decode import EventDecoder
from operators.events.markers import NULL
from operators.events.spec import EventsSpec
from tests.effort import examples

SPEC = EventsSpec(session="session", id="x", types={"pv": "view"})
LATEST_US = 1_800_000_000_000_000

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["ann", "view", "2026-11-01T10:00:00Z", "12.5", "nan", "1_0", "", "pv"]),
)
values = st.one_of(
    st.binary(max_size=40),
    st.just(NULL),
    st.dictionaries(
        st.sampled_from(["user_id", "event_time", "event_type", "session", "price", "shop", "x"]),
        st.one_of(scalars, st.lists(scalars, max_size=2)),
    ).map(lambda data: json.dumps(data).encode()),
    st.fixed_dictionaries(
        {
            "user_id": st.just("ann"),
            "event_time": st.just("2026-11-01T10:00:00Z"),
            "event_type": scalars,
            "price": scalars,
            "shop": scalars,
        }
    ).map(lambda data: json.dumps(data).encode()),
)
records = st.lists(st.tuples(st.sampled_from([b"ann", b"", b"\xff", NULL]), values), max_size=8)
texts = st.one_of(st.none(), st.text(max_size=8))
plain_values = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "\u00e4nn"]),
        "event_time": st.sampled_from(["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.5Z", "soon"]),
        "event_type": st.sampled_from(["view", "pv", "look"]),
    },
    optional={
        "session": texts,
        "x": texts,
        "shop": texts,
        "price": st.one_of(st.none(), st.integers(), st.floats(allow_nan=False)),
    },
).map(lambda data: (data["user_id"].encode(), json.dumps(data).encode()))
plain_records = st.lists(plain_values, max_size=8)


def decoder() -> EventDecoder:
    return EventDecoder(SPEC, ("view",), {"price"}, {"shop"})


@given(records)
@settings(max_examples=examples(500), deadline=None)
def test_each_record_is_used_or_refused_alone_as_in_company(
    batch: list[tuple[bytes, bytes]],
) -> None:
    decoded = decoder().decode([key for key, _ in batch], [value for _, value in batch], LATEST_US)
    used = decoded.events.source.tolist()
    refused = {rejected.source: rejected for rejected in decoded.rejected}
    assert sorted([*used, *refused]) == list(range(len(batch)))
    for at, (key, value) in enumerate(batch):
        alone = decoder().decode([key], [value], LATEST_US)
        if at in refused:
            (rejected,) = alone.rejected
            assert (rejected.reason, rejected.detail) == (refused[at].reason, refused[at].detail)
        else:
            assert columns(alone.events) == columns(only(decoded.events, used.index(at)))


@given(st.one_of(records, plain_records))
@settings(max_examples=examples(500), deadline=None)
def test_columns_are_the_same_all_at_once_and_one_by_one(batch: list[tuple[bytes, bytes]]) -> None:
    keys, values = [key for key, _ in batch], [value for _, value in batch]
    decoded = decoder().decode(keys, values, LATEST_US)
    # Nothing is plain then, and records are decoded one by one.
    spoiled = decoder().decode([*keys, b"ann"], [*values, b"{"], LATEST_US)
    fates = {each.source: each for each in spoiled.rejected if each.source < len(batch)}
    assert fates == {each.source: each for each in decoded.rejected}
    assert columns(spoiled.events) == columns(decoded.events)
    assert spoiled.events.source.tolist() == decoded.events.source.tolist()


def only(events: EventBatch, at: int) -> EventBatch:
    return events.where(np.arange(len(events)) == at)


def columns(events: EventBatch) -> list[Any]:
    """All but where they stood; texts of numbers, since NaN is not equal to itself."""
    numbers = {name: list(map(repr, of.tolist())) for name, of in events.numbers.items()}
    codes = (events.time_us.tolist(), events.type.tolist())
    return [list(events.users), *codes, events.session, events.ids, events.texts, numbers]
