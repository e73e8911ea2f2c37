"""People of a roster, who may never have done anything, against the oracle by both clocks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.features.clocks import WallClock
from operators.features.lifetime import Lifetime
from operators.features.profiles import Profiles
from tests.effort import examples
from tests.oracle import SECOND, Event, Segments, User, forgotten_at, replay
from tests.property.feeding import batch_of, catalog_of, feed, oracle_of, people_of, read, same
from tests.property.pipeline import pipeline
from tests.property.replay_cases import MINUTE, micros
from tests.property.strategies import FEATURES, GAP, START, TILES, cuts, events, features, retained

Record = tuple[str, dict[str, Any]]

TRAITS: Final = st.fixed_dictionaries(
    {
        "price": st.sampled_from([None, 2.0, 700.0]),
        "shop": st.sampled_from([None, "a", "b", "z"]),
    }
)
RECORDS: Final = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cay", "dee", "eve"]), TRAITS), max_size=8
)

NAMES: Final = ["device", "first_price", "last_dear", "carts", "since_any", "spend_1h", "visits"]
CHOSEN: Final = {name: FEATURES[name] for name in NAMES}
SEGMENTS: Final = {
    "Never carted": {"when": "carts = 0"},
    "Never seen": {"when": "since_any IS NULL"},
    "Of z": {"when": "device = 'z'"},
    "Began dear": {"when": "first_price > 500", "min_dwell": "5m"},
    "Of neither": {"when": "last_dear IS NULL AND visits = 0"},
    "Spends": {"when": "spend_1h > 100"},
}


@given(names=features, chosen=events(), records=RECORDS, by_id=st.booleans(), data=st.data())
@settings(max_examples=examples(200), deadline=None)
def test_traits_are_older_than_events_and_count_as_none(
    names: list[str], chosen: list[Event], records: list[Record], by_id: bool, data: st.DataObject
) -> None:
    """Records and events mixed in any way; then what is kept in the journal says the same."""
    catalog = catalog_of(names)
    profiles, oracles = Profiles(catalog), dict[str, User]()
    log = []
    left = list(records)

    def enroll(most: int) -> None:
        some, left[:] = left[:most], left[most:]
        profiles.enroll(people_of(catalog, some))
        log.append(profiles.journal.commit())
        for user, traits in some:
            oracles.setdefault(user, oracle_of(names, by_id)).enroll(traits)

    for cut in cuts(data.draw, len(chosen)):
        enroll(data.draw(st.integers(0, len(left))))
        feed(profiles, chosen[cut], by_id)
        log.append(profiles.journal.commit())
        for event in chosen[cut]:
            oracles.setdefault(event.user, oracle_of(names, by_id)).add(event)
    enroll(len(left))
    restored = Profiles(catalog)
    restored.journal.restore(None, [], log)
    for user, oracle in oracles.items():
        now = max(oracle.newest, START) + data.draw(st.integers(0, 2 * 3600 * SECOND))
        expected = oracle.values(now)
        assert same(read(profiles, user, now), expected)
        assert same(read(restored, user, now), expected)


@given(
    chosen=events(in_order=True),
    records=RECORDS,
    by_id=st.booleans(),
    lanes=st.sampled_from([1, 3]),
    after=st.sampled_from([None, 3600 * SECOND]),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_a_replay_judges_a_roster_as_the_oracle_does(
    chosen: list[Event],
    records: list[Record],
    by_id: bool,
    lanes: int,
    after: int | None,
    data: st.DataObject,
) -> None:
    """Who is known by the roster alone is judged at the end, and never forgotten."""
    as_of = chosen[-1].time + data.draw(st.integers(0, 20_000)) * SECOND
    lifetime = None if after is None else Lifetime.of(after, MINUTE)
    run = pipeline(
        *(CHOSEN, SEGMENTS, GAP),
        **{"lanes": lanes, "resolution": MINUTE, "by_id": by_id, "lifetime": lifetime},
    )
    run.enroll(records)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    lengths = None if lifetime is None else (lifetime.after_us, lifetime.step_us)
    expected = {
        (user, *move)
        for user in {event.user for event in chosen} | {user for user, _ in records}
        for move in _moves(user, chosen, records, by_id, as_of, lengths)
    }
    told = {(each.user, micros(each.at), each.segment, each.kind) for each in run.transitions}
    assert told == expected


def _moves(
    name: str,
    chosen: list[Event],
    records: list[Record],
    by_id: bool,
    as_of: int,
    lengths: tuple[int, int] | None,
) -> list[tuple[int, str, str]]:
    user = User(CHOSEN, TILES, retained(NAMES), GAP, by_id)
    for person, traits in records:
        if person == name:
            user.enroll(traits)
    own = [event for event in chosen if event.user == name]
    if own:
        return replay(user, own, SEGMENTS, MINUTE, as_of, lengths)
    moves = Segments(SEGMENTS, name).judge(user.values(as_of), as_of)
    return [(as_of, segment, kind) for segment, kind in moves]


@given(chosen=events(in_order=True), records=RECORDS, data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_by_the_wall_clock_people_are_evaluated_at_once_and_only_events_age(
    chosen: list[Event], records: list[Record], data: st.DataObject
) -> None:
    lifetime = Lifetime.of(3600 * SECOND, 1)
    catalog = catalog_of(NAMES)
    profiles, clock = Profiles(catalog, None, lifetime), WallClock()
    newest: dict[str, int] = {}
    known = {user for user, _ in records}
    now = START
    rows = profiles.enroll(people_of(catalog, records))
    profiles.journal.commit()
    step = clock.step(profiles, None, now, rows)
    profiles.journal.commit()
    evaluated = [row for round_ in step.rounds for row in round_.rows.tolist()]
    assert {profiles.table.users[row] for row in evaluated} == known
    for event in chosen:
        now = max(now, event.time)
        batch = batch_of(catalog, [event], False)
        for arrived in profiles.lives(batch, now):
            step = clock.step(profiles, arrived.arrivals, now)
            profiles.journal.free(step.forgotten.rows)
            profiles.journal.commit()
        newest[event.user] = event.time
        known.add(event.user)
    lengths = (lifetime.after_us, lifetime.step_us)
    now += data.draw(st.integers(0, 10_000)) * SECOND
    step = clock.step(profiles, None, now)
    gone = {profiles.table.users[row] for row in step.forgotten.rows.tolist()}
    profiles.journal.free(step.forgotten.rows)
    over = {user for user, at in newest.items() if forgotten_at(at, *lengths) <= now}
    assert gone <= over
    assert set(profiles.table.index) == known - over


def test_who_is_known_by_a_roster_alone_is_not_judged_in_1970() -> None:
    """A lane whose features have changed asks for everyone anew."""
    profiles = Profiles(catalog_of(NAMES))
    rows = profiles.enroll(people_of(profiles.catalog, [("ann", {"price": 1.0, "shop": None})]))
    profiles.expect_everyone()
    assert len(profiles.due(START)) == 0
    profiles.journal.begin(rows)
    WallClock().step(profiles, None, START, rows)
    profiles.expect_everyone()
    np.testing.assert_array_equal(profiles.due(START), rows)
    assert profiles.over_us(rows).tolist() == [NEVER]
