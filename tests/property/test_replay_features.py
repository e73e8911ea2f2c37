"""Replays against the oracle: what time alone changes of features is told at the right moment."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.oracle import SECOND, Event, User, replay
from tests.property.pipeline import pipeline
from tests.property.strategies import FEATURES, GAP, TILES, cuts, events, retained

# Numbers that no decayed amount meets: the last digits of these depend on the order of things.
SEGMENTS = {
    "Hot": {"when": "heat > 1.3", "leave_when": "heat < 0.7"},
    "Valuable": {"when": "value > 123.4 OR value_a < 56.7"},
    "Eager": {"when": "eagerness > 2.2", "leave_when": "eagerness IS NULL"},
    "Fan of a": {"when": "favourite_1h = 'a'"},
    "Abandons": {"when": "open_1h > 0 AND minutes IS NULL"},
    "Fast": {"when": "way_time < 4"},
    "Back": {"when": "away > 0.3 AND bounces_1h < 1"},
    "Knows a, not b": {"when": "contains(shops_list_1h, 'a') AND NOT contains(shops_list, 'b')"},
    "Now at c": {"when": "contains(shops_list_session, 'c')"},
    "Deep": {"when": "depth_1h >= 2 OR median_1h > 300"},
}
NAMES = [
    *("heat", "value", "value_a", "eagerness", "favourite_1h", "open_1h", "minutes"),
    *("way_time", "away", "bounces_1h", "depth_1h", "median_1h"),
    *("shops_list", "shops_list_1h", "shops_list_session"),
]
CHOSEN = {name: FEATURES[name] for name in NAMES}
MINUTE = 60 * SECOND


def micros_of(text: str) -> int:
    moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(moment.total_seconds() * SECOND)


@given(
    chosen=events(in_order=True, users=("ann", "bob")),
    by_id=st.booleans(),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_memberships_change_when_the_features_do(
    chosen: list[Event], by_id: bool, resolution: int, data: st.DataObject
) -> None:
    as_of = chosen[-1].time + data.draw(st.integers(0, 10_000)) * SECOND
    run = pipeline(CHOSEN, SEGMENTS, GAP, lanes=2, resolution=resolution, by_id=by_id)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    expected = {
        (user, *transition)
        for user in {event.user for event in chosen}
        for transition in replay(
            User(CHOSEN, TILES, retained(NAMES), GAP, by_id),
            [event for event in chosen if event.user == user],
            SEGMENTS,
            resolution,
            as_of,
        )
    }
    told = {(t.user, micros_of(t.at), t.segment, t.kind) for t in run.transitions}
    assert told == expected
