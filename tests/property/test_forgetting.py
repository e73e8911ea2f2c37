"""Users who are forgotten, and come back as somebody new, against the oracle by both clocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Final

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from operators.base.arrays import NEVER
from operators.features.clocks import Step, WallClock
from operators.features.event_clock import EventClock
from operators.features.lifetime import Lifetime
from operators.features.profiles import Arrived, Profiles
from tests.effort import examples
from tests.oracle import SECOND, Event, User, forgotten_at, replay
from tests.property.feeding import batch_of, catalog_of, oracle_of, read, same
from tests.property.pipeline import Pipeline, memberships, pipeline
from tests.property.replay_cases import CHOSEN, EXACT, INTRICATE, MINUTE, OLD, oracle_user, told
from tests.property.strategies import GAP, cuts, events, features

WITHIN: Final = 3600 * SECOND
PAUSES: Final = (0, 0, 0, 5, 59, 60, 61, 200)  # minutes between events, beside the others
# All look back an hour at most. The last is cut into steps of some minutes.
AFTERS: Final = st.sampled_from([3600 * SECOND, 3607 * SECOND, 30_000 * SECOND])


@st.composite
def with_pauses(draw: st.DrawFn, in_order: bool = True) -> list[Event]:
    """Events between which users are forgotten now and then; some share an id."""
    pause, chosen = 0, []
    for event in draw(events(in_order=in_order, most=25)):
        pause += draw(st.sampled_from(PAUSES)) * MINUTE
        id_ = draw(st.sampled_from([None, "1", "2"]))
        chosen.append(replace(event, time=event.time + pause, id=id_))
    return chosen


def returns(chosen: Iterable[Event], lifetime: Lifetime) -> int:
    """How often a user comes back after being forgotten, if events come in order."""
    newest: dict[str, int] = {}
    found = 0
    for event in chosen:
        known = newest.get(event.user)
        end = NEVER if known is None else forgotten_at(known, lifetime.after_us, lifetime.step_us)
        found += event.time >= end
        newest[event.user] = event.time
    return found


@pytest.mark.parametrize("after", [3600, 30_000])
def test_users_do_come_back_in_what_is_drawn(after: int) -> None:
    lifetime = Lifetime.of(after * SECOND, MINUTE)
    # Nobody reads the example: it need not be the smallest. The same are drawn every time.
    first = settings(
        phases=[Phase.generate], deadline=None, database=None, max_examples=examples(20_000)
    )
    find(
        with_pauses(),
        lambda chosen: returns(chosen, lifetime) >= 2,
        settings=first,
        random=Random(1),
    )


@given(
    chosen=with_pauses(),
    lanes=st.sampled_from([1, 2, 5]),
    by_id=st.booleans(),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    after=AFTERS,
    data=st.data(),
)
@settings(max_examples=examples(150), deadline=None)
def test_a_replay_in_order_forgets_as_the_oracle_does(
    chosen: list[Event], lanes: int, by_id: bool, resolution: int, after: int, data: st.DataObject
) -> None:
    as_of = chosen[-1].time + data.draw(st.integers(0, 2 * after))
    lifetime = Lifetime.of(after, resolution)
    run = pipeline(
        *(CHOSEN, INTRICATE, GAP),
        **{"lanes": lanes, "resolution": resolution, "by_id": by_id, "lifetime": lifetime},
    )
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(as_of)
    expected, left = set(), set()
    for user in {event.user for event in chosen}:
        own = [event for event in chosen if event.user == user]
        lengths = (lifetime.after_us, lifetime.step_us)
        moves = replay(oracle_user(by_id), own, INTRICATE, resolution, as_of, lengths)
        expected |= {(user, *move) for move in moves}
        if forgotten_at(own[-1].time, *lengths) > as_of:
            left.add(user)
    assert told(run) == expected
    assert len(run.transitions) == len(expected)
    assert known(run) == (left, left)
    versions_grow(run)


def known(run: Pipeline) -> tuple[set[str], set[str]]:
    """Who is known to Profile, and to Assign."""
    pairs = run._lanes.values()
    return (
        {user for pair in pairs for user in pair.profiles.table.index},
        {user for pair in pairs for user in pair.judged.members.table.index},
    )


def versions_grow(run: Pipeline) -> None:
    """Whatever is said of a user has a version above all that was said before they went."""
    for user in {word.user for word in run.changelog}:
        words = [word for word in run.changelog if word.user == user]
        moves = [move for move in run.transitions if move.user == user]
        assert all(one.version < other.version for one, other in pairwise(words))
        assert all(one.version <= other.version for one, other in pairwise(moves))
        for word in words:
            if word.forgotten:
                assert (word.segments, word.cluster, word.features) == ([], None, {})
                # They have left all that they had entered.
                before = [move for move in moves if move.version <= word.version]
                balance = [1 if move.kind == "enter" else -1 for move in before]
                assert sum(balance) == 0
        gone = [move for move in moves if move.why and move.why[0].startswith("forgotten after ")]
        assert {move.kind for move in gone} <= {"leave"}


@dataclass
class Person:
    """One user of the oracle, with the ids of their events."""

    user: User
    shown: dict[str, int] = field(default_factory=dict)

    def fate(self, event: Event) -> str:
        """late, repeated or taken"""
        tile, count = self.user.retained
        if self.user.events and event.time // tile < self.user.newest // tile - count + 1:
            return "late"
        if event.id in self.shown and event.time <= self.shown[event.id] + WITHIN:
            return "repeated"
        if event.id is not None:
            self.shown[event.id] = event.time
        assert self.user.add(event)
        return "taken"


class Town:
    """Everybody whom the oracle knows."""

    def __init__(self, names: list[str], by_id: bool, lifetime: Lifetime) -> None:
        self._new = lambda: Person(oracle_of(names, by_id, ids=True))
        self._lengths = (lifetime.after_us, lifetime.step_us)
        self.people: dict[str, Person] = {}
        self.gone: list[str] = []

    def fate(self, event: Event, now: int) -> str:
        """What becomes of an event; its user may be gone before it."""
        self.forget(event.user, min(event.time, now))
        return self.people.setdefault(event.user, self._new()).fate(event)

    def forget(self, user: str, now: int) -> None:
        """Forget a user whose time is over by a moment."""
        person = self.people.get(user)
        if person and forgotten_at(person.user.newest, *self._lengths) <= now:
            del self.people[user]
            self.gone.append(user)


@given(
    names=features,
    chosen=with_pauses(in_order=False),
    by_id=st.booleans(),
    after=AFTERS,
    wall=st.booleans(),
    data=st.data(),
)
@settings(max_examples=examples(250), deadline=None)
def test_profiles_are_those_of_whom_is_left_however_events_come(
    names: list[str],
    chosen: list[Event],
    by_id: bool,
    after: int,
    wall: bool,
    data: st.DataObject,
) -> None:
    """Late, repeated and out of order, with pauses in which only time passes, and restarts."""
    catalog, lifetime = catalog_of(names), Lifetime.of(after, 1 if wall else MINUTE)
    town = Town(names, by_id, lifetime)
    profiles = Profiles(catalog, WITHIN, lifetime)
    state: tuple[bytes | None, dict[int, bytes], list[bytes]] = (None, {}, [])
    now = 0
    for cut in cuts(data.draw, len(chosen)):
        batch = chosen[cut]
        if wall:  # events may be as new as they like to, but for a few minutes
            skew = data.draw(st.sampled_from([0, 0, 4 * MINUTE, -after]))
            now = max([now, *(event.time - skew for event in batch)])
        until = now if wall else NEVER
        fates = [town.fate(event, until) for event in batch]
        counts = dict.fromkeys(("taken", "late", "repeated"), 0)
        gone: list[str] = []
        log = []
        for arrived in profiles.lives(batch_of(catalog, batch, by_id), until):
            step = forward(profiles, arrived, now if wall else None)
            gone += names_of(profiles, step)
            counts["taken"] += len(arrived.arrivals)
            counts["late"] += len(arrived.late)
            counts["repeated"] += arrived.repeated
            profiles.journal.free(step.forgotten.rows)
            log.append(profiles.journal.commit())
        for user in list(town.people) if wall else []:
            town.forget(user, now)
        assert counts == {fate: fates.count(fate) for fate in counts}
        assert sorted(gone) == sorted(town.gone)
        town.gone.clear()
        assert set(profiles.table.index) == set(town.people)
        newest = [person.user.newest for person in town.people.values()]
        moment = max(now, *newest, 0) + data.draw(st.integers(0, 2 * 3600 * SECOND))
        for user, person in town.people.items():
            assert same(read(profiles, user, moment), person.user.values(moment))
        state = (state[0], state[1], [*state[2], *log])
        if data.draw(st.booleans()):
            profiles.prune()
            compaction = profiles.journal.compact()
            state = (compaction.head, state[1] | dict(compaction.pages), [])
        if data.draw(st.booleans()):
            profiles = Profiles(catalog, WITHIN, lifetime)
            profiles.journal.restore(state[0], state[1].values(), state[2])
            profiles.expect_ends()
    end = max(now, *(person.user.newest for person in town.people.values()), 0)
    end += 2 * lifetime.after_us + lifetime.step_us
    step = until_end(profiles, end, wall)
    assert sorted(names_of(profiles, step)) == sorted(town.people)
    profiles.journal.free(step.forgotten.rows)
    assert len(profiles.table) == 0
    assert all(len(entries) == 0 for entries in profiles.table.sets.values())


def forward(profiles: Profiles, arrived: Arrived, now: int | None) -> Step:
    """The last step of a clock, by the wall if it says what time it is, else by the events."""
    if now is not None:
        return WallClock().step(profiles, arrived.arrivals, now)
    *_, step = EventClock(MINUTE).steps(profiles, arrived)
    return step


def until_end(profiles: Profiles, end: int, wall: bool) -> Step:
    """The last step in which time passes, though nothing happens."""
    if wall:
        return WallClock().step(profiles, None, end)
    *_, step = EventClock(MINUTE).end(profiles, profiles.table.rows(), end)
    return step


def names_of(profiles: Profiles, step: Step) -> list[str]:
    """Who is forgotten in a step."""
    return [profiles.table.users[row] for row in step.forgotten.rows.tolist()]


@given(chosen=with_pauses(in_order=False), before=AFTERS, after=AFTERS)
@settings(max_examples=examples(50), deadline=None)
def test_idle_users_are_forgotten_by_a_lifetime_that_came_later(
    chosen: list[Event], before: int, after: int
) -> None:
    catalog = catalog_of(["carts"])  # nothing that time alone changes
    old = Profiles(catalog, lifetime=None if before == after else Lifetime.of(before, 1))
    now = max(event.time for event in chosen)
    arrived = old.arrive(batch_of(catalog, chosen, by_id=False))
    WallClock().step(old, arrived.arrivals, now)
    entry = old.journal.commit()
    lifetime = Lifetime.of(after, 1)
    profiles = Profiles(catalog, lifetime=lifetime)
    profiles.journal.restore(None, [], [entry])
    profiles.expect_ends()
    due = {
        user: int(lifetime.over_us(profiles.table.cells("newest_us").take_one(np.array([row]))[0]))
        for user, row in profiles.table.index.items()
    }
    for moment in sorted({*due.values()}):
        step = WallClock().step(profiles, None, moment)
        assert {user for user in due if due[user] == moment} >= set(names_of(profiles, step))
        profiles.journal.free(step.forgotten.rows)
        assert set(profiles.table.index) == {user for user in due if due[user] > moment}


@given(chosen=with_pauses(), most=st.sampled_from([1, 2, 100]), data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_sweeps_and_previews_see_only_who_is_left(
    chosen: list[Event], most: int, data: st.DataObject
) -> None:
    lifetime = Lifetime.of(3600 * SECOND, MINUTE)
    run, twin = (
        pipeline(
            *(CHOSEN, segments, GAP),
            **{"lanes": 1, "resolution": MINUTE, "by_id": True, "lifetime": lifetime},
            steered=True,
        )
        for segments in (OLD, EXACT)
    )
    parts = cuts(data.draw, len(chosen))
    applied = data.draw(st.integers(0, len(parts) - 1))
    for number, cut in enumerate(parts):
        run.feed(chosen[cut])
        twin.feed(chosen[cut])
        if number == applied:
            (pair,) = run._lanes.values()
            counts = pair.judged.preview(twin.segments.segments, None, {})
            run.take(EXACT, most)
            assert memberships(run) == memberships(twin)
            for name, own in counts.items():
                inside = [user for user, names in memberships(run).items() if name in names]
                assert own.enter + own.stay == len(inside)
    assert memberships(run) == memberships(twin)
    assert known(run) == known(twin)
