"""State of other features: what both configurations keep goes on, the rest begins anew."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.profiles import Profiles
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.strategies import cuts, events, features
from tests.property.test_profiles import catalog_of, feed, read


@given(
    kept=features,
    dropped=features,
    added=features,
    chosen=events(),
    by_id=st.booleans(),
    data=st.data(),
)
@settings(max_examples=examples(200), deadline=None)
def test_kept_features_go_on_and_new_ones_begin_empty(
    kept: list[str],
    dropped: list[str],
    added: list[str],
    chosen: list[Event],
    by_id: bool,
    data: st.DataObject,
) -> None:
    before = catalog_of(list(dict.fromkeys([*dropped, *kept])))
    names = list(dict.fromkeys([*kept, *added]))
    after = catalog_of(data.draw(st.permutations(names)))
    old = Profiles(before)
    feed(old, chosen, by_id)
    head, entry = old.journal.first_head(), old.journal.commit()
    new = Profiles(after)
    new.journal.restore(head, [], [entry])
    empty = Profiles(after)
    empty.table.rows_of(list(old.table.index))
    for user in old.table.index:
        now = max(event.time for event in chosen) + data.draw(st.integers(0, 3600)) * SECOND
        was, is_, nothing = (read(each, user, now) for each in (old, new, empty))
        for name, value in is_.items():
            if name in before.columns:
                assert value == was[name]
            elif not before.uses_sessions:
                assert value == nothing[name]


@given(kept=features, added=features, chosen=events(), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_features_that_were_kept_count_on_as_if_nothing_had_happened(
    kept: list[str], added: list[str], chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    before, after = catalog_of(kept), catalog_of(list(dict.fromkeys([*kept, *added])))
    # Lateness goes by the longest window, and is none of a feature's own.
    if after.retained != before.retained or after.uses_sessions != before.uses_sessions:
        return
    parts = cuts(data.draw, len(chosen))
    changed = data.draw(st.integers(0, len(parts)))
    run, twin = Profiles(before), Profiles(before)
    for number, cut in enumerate(parts):
        if number == changed:
            moved = Profiles(after)
            compaction = run.journal.compact()
            moved.journal.restore(compaction.head, compaction.pages.values(), [])
            run = moved
        feed(run, chosen[cut], by_id)
        run.journal.commit()
        feed(twin, chosen[cut], by_id)
    now = max(event.time for event in chosen)
    assert set(run.table.users) == set(twin.table.users)
    for user in twin.table.index:
        found, expected = read(run, user, now), read(twin, user, now)
        assert {name: found[name] for name in expected} == expected
