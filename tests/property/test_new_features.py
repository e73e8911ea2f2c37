"""State of other features: what both configurations keep goes on, the rest begins anew."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.contracts.wire import Packed, pack, unpack
from operators.contracts.wire import read as read_message
from operators.features.catalog import Catalog
from operators.features.clocks import Step, WallClock
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from operators.membership.clusterings import with_clusters
from operators.membership.criteria import Criteria
from operators.membership.members import Members
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import batch_of, catalog_of, feed, read
from tests.property.strategies import GAP, cuts, events, features

MINUTE = 60 * SECOND


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


def catalog_with(default: str) -> Catalog:
    """Two features, of which one shows its state in another way."""
    specs = {
        "shop": FeatureSpec(last="shop", default=default),
        "views": FeatureSpec(count="view", window="lifetime"),
    }
    return Catalog.compile(specs, GAP)


def members_of(catalog: Catalog) -> Members:
    segments = {"Nowhere": SegmentSpec(when="shop = 'nowhere'"), "New": SegmentSpec("views < 9")}
    rulebook = Rulebook.compile(
        segments, with_clusters(catalog.columns, {}), step_us=MINUTE, version=1
    )
    return Members(Criteria(catalog.columns, rulebook, (), 1))


@given(chosen=events(in_order=True))
@settings(max_examples=examples(50), deadline=None)
def test_what_is_shown_otherwise_is_evaluated_anew_before_anyone_is_judged(
    chosen: list[Event],
) -> None:
    """Profile sends all values of idle users, too, and until then Assign leaves them be."""
    before, after = catalog_with("somewhere"), catalog_with("nowhere")
    now = chosen[-1].time + SECOND
    profiles, members = Profiles(before), members_of(before)
    for each in (profiles, members):
        each.expect_columns()
    arrived = profiles.arrive(batch_of(before, chosen, by_id=False))
    step = WallClock().step(profiles, arrived.arrivals, now)
    send(profiles, step, members)
    states = [(each.journal.first_head(), each.journal.commit()) for each in (profiles, members)]

    profiles, members = Profiles(after), members_of(after)
    for each, (head, entry) in zip((profiles, members), states, strict=True):
        each.journal.restore(head, [], [entry])
    assert members.expect_columns()
    assert members.next_due_us() == NEVER
    profiles.expect_columns()
    step = WallClock().step(profiles, None, now + SECOND)
    (round_,) = step.rounds
    assert len(round_.rows) == len(profiles.table)
    send(profiles, step, members)
    without = {
        user
        for user in profiles.table.index
        if all(e.properties["shop"] is None for e in chosen if e.user == user)
    }
    words = members.table.cells("standing").take(members.everyone())
    inside = words[:, members.rulebook.names.index("Nowhere")] >= 0
    assert {members.table.users[row] for row in np.flatnonzero(inside)} == without
    assert not members.expect_columns()


def send(profiles: Profiles, step: Step, members: Members) -> None:
    """Hand a step's evaluations to who judges, and judge."""
    packed = read_message(pack(profiles, step, None))
    assert isinstance(packed, Packed)
    evaluations = unpack(packed, members.table, members.coded)
    for _ in members.judge(evaluations.rounds, {}, evaluations.time, evaluations.forgotten):
        pass


@given(kept=features, added=features, chosen=events(), by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_features_that_were_kept_count_on_as_if_nothing_had_happened(
    kept: list[str], added: list[str], chosen: list[Event], by_id: bool, data: st.DataObject
) -> None:
    before, after = catalog_of(kept), catalog_of(list(dict.fromkeys([*kept, *added])))
    # Lateness goes by the longest window, and is none of a feature's own.
    lateness = [(x.retained, x.endless, x.uses_sessions) for x in (before, after)]
    if lateness[0] != lateness[1]:
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
