"""Profiles against the oracle: random events, boundaries, moments; late and out of order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.features.profiles import Profiles
from tests.effort import examples
from tests.oracle import SECOND, Event, User
from tests.property.feeding import catalog_of, feed, oracle_of, read, same
from tests.property.strategies import (
    FEATURES,
    GAP,
    cuts,
    events,
    features,
)

# What these say may stay the same when a tile drops out, or a way through a funnel is over.
SLUGGISH = {
    *("mean", "min", "max", "median", "most_frequent", "rate"),
    *("per_session", "bounce_rate", "funnel_time", "active_days", "exact"),
}


def compare(names: list[str], chosen: list[Event], by_id: bool, data: st.DataObject) -> None:
    """Feed profiles and oracles batch by batch, and ask both at some moment after each."""
    profiles = Profiles(catalog_of(names))
    oracles: dict[str, User] = {}
    for cut in cuts(data.draw, len(chosen)):
        late = feed(profiles, chosen[cut], by_id)
        refused = []
        for position, event in enumerate(chosen[cut]):
            oracle = oracles.setdefault(event.user, oracle_of(names, by_id))
            if not oracle.add(event):
                refused.append(position)
        assert sorted(late) == refused
        for user, oracle in oracles.items():
            ahead = data.draw(st.integers(-GAP, 2 * 3600 * SECOND))
            now = oracle.newest + ahead
            found, expected = read(profiles, user, now), oracle.values(now)
            assert same(found, expected), (found, expected)


@given(names=features, chosen=events(), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(300), deadline=None)
def test_profiles_equal_the_oracle(
    names: list[str], chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    compare(names, chosen, by_id, data)


@given(chosen=events(users=("ann",)), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(250), deadline=None)
def test_all_features_of_one_user_at_once_equal_the_oracle(
    chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    compare(sorted(FEATURES), chosen, by_id, data)


@given(names=features, chosen=events(), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_nothing_but_ages_changes_before_the_change_that_is_told(
    names: list[str], chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    profiles = Profiles(catalog_of(names))
    feed(profiles, chosen, by_id)
    for user, row in profiles.table.index.items():
        newest = max(event.time for event in chosen if event.user == user)
        now = newest + data.draw(st.integers(0, 3600 * SECOND))
        evaluation = profiles.evaluate(np.array([row]), np.array([now]))
        before, change = evaluation.values, int(evaluation.change_us[0])
        assert change > now
        later = data.draw(st.integers(now, min(change - 1, now + 2 * 3600 * SECOND)))
        after = profiles.evaluate(np.array([row]), np.array([later])).values
        np.testing.assert_array_equal(before, after)
        exact = all(SLUGGISH.isdisjoint(FEATURES[name]) for name in names)
        if change != NEVER and exact and not profiles.catalog.uses_sessions:
            changed = profiles.evaluate(np.array([row]), np.array([change])).values
            assert not np.array_equal(before, changed, equal_nan=True)


@given(names=features, chosen=events(), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_state_restored_from_pages_and_log_goes_on_as_before(
    names: list[str], chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    catalog = catalog_of(names)
    profiles = Profiles(catalog)
    head: bytes | None = None
    pages: dict[int, bytes] = {}
    log: list[bytes] = []
    for cut in cuts(data.draw, len(chosen)):
        feed(profiles, chosen[cut], by_id)
        log.append(profiles.journal.commit())
        if data.draw(st.booleans()):
            profiles.prune()
            compaction = profiles.journal.compact()
            head, log = compaction.head, []
            pages |= compaction.pages
        if data.draw(st.booleans()):
            restored = Profiles(catalog)
            restored.journal.restore(head, pages.values(), log)
            now = chosen[cut][-1].time + 60 * SECOND
            for user in profiles.table.index:
                assert read(restored, user, now) == read(profiles, user, now)
            profiles = restored
    twin = Profiles(catalog)
    feed(twin, chosen, by_id)
    now = max(event.time for event in chosen)
    for user in twin.table.index:
        assert same(read(profiles, user, now), read(twin, user, now))
