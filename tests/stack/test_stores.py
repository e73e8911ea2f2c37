"""One suite that every store passes: what it answers is the newest word, however it came."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from flink_job.config.store import SqliteSpec
from flink_job.stores.base import Member, Store
from flink_job.stores.opening import open_store
from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
    UserOutcome,
)
from operators.contracts.records import Assignment, Belonging, Change, Tombstone, change, encode
from tests.effort import examples
from tests.stack.histories import (
    History,
    assignment,
    belonging,
    enter,
    histories,
    holds,
    moment,
    transitions_of,
)
from tests.stack.outcome_histories import OutcomeHistory, outcome_histories
from tests.stack.servers import cassandra_store

# The store lives as long as the test module; each example has names of its own in it.
shared_store = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
RUN = uuid4().hex[:8]  # workers share Cassandra, and may run this at the same time
numbers = itertools.count()


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("cassandra", marks=pytest.mark.stack)]
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    opened: Store
    if request.param == "cassandra":
        opened = cassandra_store(request.getfixturevalue("module_keyspace"))
    else:
        opened = open_store(SqliteSpec(str(tmp_path_factory.mktemp("sqlite") / "new" / "it.db")))
    opened.check(outcomes=True)
    yield opened
    opened.close()


@pytest.fixture
def prefix() -> str:
    return f"{RUN}-{next(numbers)}-"


@shared_store
@given(history=histories())
def test_the_newest_word_stands_in_whatever_order_words_come(
    store: Store, history: History
) -> None:
    prefix = f"{RUN}-{next(numbers)}-"
    history = history.named(prefix)
    for batch in history.batches:
        store.apply(batch, [])
    holds(store, history, prefix)


@shared_store
@given(history=histories())
def test_repeating_every_batch_changes_nothing(store: Store, history: History) -> None:
    prefix = f"{RUN}-{next(numbers)}-"
    history = history.named(prefix)
    for batch in history.batches:
        store.apply(batch, [])
        store.apply(batch, [])
    for batch in reversed(history.batches):
        store.apply(batch, [])
    holds(store, history, prefix)


@shared_store
@given(history=histories())
def test_transitions_are_those_since_a_user_was_last_forgotten(
    store: Store, history: History
) -> None:
    history = history.named(f"{RUN}-{next(numbers)}-")
    for batch in history.batches:
        store.apply(batch, transitions_of(batch))
    for user in history.said:
        delivered = [word for batch in history.batches for word in batch if word.user == user]
        forgotten = max((w.version for w in delivered if isinstance(w, Tombstone)), default=0)
        expected = {word.version for word in transitions_of(delivered) if word.version > forgotten}
        found = [transition.version for transition in store.transitions(user, 100)]
        assert found == sorted(expected, reverse=True)


@shared_store
@given(history=outcome_histories())
def test_of_a_day_or_cohort_the_newest_word_stands_in_whatever_order_words_come(
    store: Store, history: OutcomeHistory
) -> None:
    prefix = f"{RUN}-{next(numbers)}-"
    history = history.named(prefix)
    for batch in (*history.batches, *reversed(history.batches)):
        store.apply([], [], batch)
    assert ours(store, prefix) == history.kept()


def ours(store: Store, prefix: str) -> set[bytes]:
    """The outcomes of one example."""
    return {encode(record) for record in store.outcomes() if record.name.startswith(prefix)}


def test_who_is_forgotten_is_nobody_until_they_come_back(store: Store, prefix: str) -> None:
    user, segment = f"{prefix}ann", f"{prefix}bots"
    last = Assignment(user, 5, moment(5), [], forgotten=True)
    came, back = assignment(user, 4, [segment]), assignment(user, 6, [segment])
    store.apply([came], [enter(user, segment, 4)])
    store.apply([change(last)], [])
    assert store.lookup(user) is None
    assert list(store.members(segment)) == []
    assert store.transitions(user, 10) == []
    store.apply([came, change(last), change(back)], [enter(user, segment, 6)])
    store.apply([change(last)], [])
    assert store.lookup(user) == back
    assert [member.version for member in store.members(segment)] == [6]
    assert [moved.version for moved in store.transitions(user, 10)] == [6]


def test_a_file_of_the_changelog_may_come_again(store: Store, prefix: str) -> None:
    user, segment = f"{prefix}ann", f"{prefix}bots"
    came, left = assignment(user, 1, [segment]), assignment(user, 2, [])
    assert store.apply_file(f"{prefix}1", [came], [enter(user, segment, 1)])
    assert store.apply_file(f"{prefix}2", [left], [])
    store.apply_file(f"{prefix}1", [came], [enter(user, segment, 1)])
    assert store.lookup(user) == left
    assert list(store.members(segment)) == []
    assert [moved.version for moved in store.transitions(user, 10)] == [1]
    assert store.unreadable == 0


def test_every_field_of_an_outcome_comes_back(store: Store, prefix: str) -> None:
    name, group = f"{prefix}日本/ \"'", GroupDay({"sales": 2}, {"sales": 0.1}, 3, 1.5, 4, 1)
    brought = Cohort(2, {"sales": UserOutcome(1, 2, 0.1, 0.01)}, [2, 1])
    records: list[OutcomeRecord] = [
        DayOutcomes(name, "s1", "2026-11-27", version=1, entries=3, members=group),
        DayOutcomes(name, "s1", "2026-11-27", model="shoppers", version=1, others=group),
        CohortOutcomes(name, "s1", "2026-11-27", version=1, members=brought),
        CohortOutcomes(name, "s1", "2026-11-27", "mobile", version=1, both={"Late": brought}),
        CohortOutcomes(name, "s2", "2026-11-27", "mobile", version=1, held_out=brought),
    ]
    assert store.apply_file(f"{prefix}1", [], [], records)
    assert ours(store, prefix) == set(map(encode, records))
    gone = msgspec.structs.replace(records[1], version=2, gone=True)
    store.apply([], [], [*records, gone])
    assert ours(store, prefix) == set(map(encode, (records[0], *records[2:])))


def test_nothing_is_known_of_a_stranger(store: Store, prefix: str) -> None:
    store.apply([], [])
    assert store.lookup(f"{prefix}ann") is None
    assert list(store.members(f"{prefix}bots")) == []
    assert store.transitions(f"{prefix}ann", 10) == []


def test_every_field_comes_back(store: Store, prefix: str) -> None:
    full = Assignment(
        user=f"{prefix}日本 \n\t\"'",
        version=1_790_000_000_000_001,
        updated_at="2026-09-21T14:13:20.000001Z",
        segments=[f"{prefix}b", f"{prefix}a"],
        since={f"{prefix}a": "2026-09-20T00:00:00.000000Z"},
        why={f"{prefix}a": ["views = 5 (> 3)", "carts = 0 (= 0)"]},
        cluster=3,
        clusters={
            f"{prefix}a": Belonging(3, "日本", 0.25, 1e-9, 7, -1e-9, True, ["views = 5 (here 4)"]),
            f"{prefix}b": Belonging(0, "", 0.0, 1.0, 1, since="2026-09-20T00:00:00.000000Z"),
        },
        rules=2,
        features={"views": 5.0, "device": "mobile", "age": None},
        event_at=1_790_000_000_000,
    )
    store.apply([full], [])
    assert store.lookup(full.user) == full
    assert list(store.members(f"{prefix}a")) == [
        Member(full.user, "2026-09-20T00:00:00.000000Z", full.version)
    ]
    assert list(store.members(f"{prefix}b")) == [Member(full.user, None, full.version)]
    for model, own in full.clusters.items():
        found = list(store.cluster_members(model, own.cluster))
        assert found == [Member(full.user, own.since, full.version)]
    assert list(store.cluster_members(f"{prefix}a", 0)) == []


def test_a_field_that_became_unknown_is_unknown(store: Store, prefix: str) -> None:
    user, segment = f"{prefix}ann", f"{prefix}bots"
    model = f"{prefix}shoppers"  # others have users in theirs in the same store
    known = assignment(user, 1, [segment], cluster=4)
    store.apply([msgspec.structs.replace(known, clusters={model: belonging(4, 1)})], [])
    cleared = Assignment(user=user, version=2, updated_at=moment(2), segments=[segment])
    store.apply([cleared], [])
    assert store.lookup(user) == cleared
    assert list(store.members(segment)) == [Member(user, None, 2)]
    assert list(store.cluster_members(model, 4)) == []


def test_a_forgotten_user_comes_back_without_the_past(store: Store, prefix: str) -> None:
    user, bots, late = f"{prefix}ann", f"{prefix}bots", f"{prefix}late"
    store.apply([assignment(user, 1, [bots, late])], [enter(user, bots, 1)])
    store.apply([Tombstone(user, 2)], [])
    assert store.lookup(user) is None
    assert list(store.members(bots)) == list(store.members(late)) == []
    assert store.transitions(user, 10) == []

    back = assignment(user, 3, [late])
    store.apply([back], [enter(user, late, 3)])
    assert store.lookup(user) == back
    assert list(store.members(bots)) == []
    assert [member.user for member in store.members(late)] == [user]
    assert store.transitions(user, 10) == [enter(user, late, 3)]


def test_words_from_before_a_user_was_forgotten_bring_nothing_back(
    store: Store, prefix: str
) -> None:
    user, never_seen = f"{prefix}ann", f"{prefix}late"
    store.apply([Tombstone(user, 5)], [])
    store.apply([assignment(user, 4, [never_seen])], [enter(user, never_seen, 4)])
    assert store.lookup(user) is None
    assert list(store.members(never_seen)) == []
    assert store.transitions(user, 10) == []


def test_a_whole_life_in_one_batch(store: Store, prefix: str) -> None:
    user, bots, late = f"{prefix}ann", f"{prefix}bots", f"{prefix}late"
    last = assignment(user, 4, [late])
    life: list[Change] = [
        assignment(user, 1, [bots]),
        Tombstone(user, 3),
        assignment(user, 2, [late, bots]),
    ]
    store.apply([*life, last], [enter(user, bots, 1), enter(user, late, 4)])
    assert store.lookup(user) == last
    assert list(store.members(bots)) == []
    assert store.transitions(user, 10) == [enter(user, late, 4)]


def test_transitions_come_newest_first_and_no_more_than_asked(store: Store, prefix: str) -> None:
    user = f"{prefix}ann"
    noted = [enter(user, segment, version) for version in (2, 9, 4) for segment in ("b", "a")]
    store.apply([], noted)
    store.apply([], noted[2:])
    found = store.transitions(user, 3)
    assert found == [enter(user, "a", 9), enter(user, "b", 9), enter(user, "a", 4)]


def test_all_of_a_crowd_are_listed(store: Store, prefix: str) -> None:
    segment = f"{prefix}crowd"
    crowd = [assignment(f"{prefix}{number}", 1, [segment]) for number in range(1_500)]
    store.apply(crowd, [])
    assert {member.user for member in store.members(segment)} == {one.user for one in crowd}
    listed = [one.user for one in store.assignments() if one.user.startswith(prefix)]
    assert sorted(listed) == sorted(one.user for one in crowd)


def test_scans_give_all_members_and_transitions_that_there_are(store: Store, prefix: str) -> None:
    bots, late = f"{prefix}bots", f"{prefix}late"
    ann, bob = (f"{prefix}{user}" for user in ("ann", "bob"))
    clusters = {f"{prefix}all": belonging(4, 1)}
    first = msgspec.structs.replace(assignment(ann, 1, [bots]), clusters=clusters)
    last = assignment(bob, 3, [late])
    store.apply([first, assignment(bob, 1, [bots]), Tombstone(bob, 2), last], [])
    store.apply([], [enter(ann, bots, 1), enter(bob, bots, 1), enter(bob, late, 3)])
    members = [each for each in store.all_members() if each[1].user.startswith(prefix)]
    assert sorted(members) == [
        (f"cluster {prefix}all 4", Member(ann, moment(1), 1)),
        (f"segment {bots}", Member(ann, moment(1), 1)),
        (f"segment {late}", Member(bob, moment(3), 3)),
    ]
    moved = [each for each in store.all_transitions() if each.user.startswith(prefix)]
    assert sorted(moved, key=lambda each: each.user) == [enter(ann, bots, 1), enter(bob, late, 3)]


def test_records_of_any_size_are_written(store: Store, prefix: str) -> None:
    """Cassandra refuses batches of 50 KiB: one record may be larger, and ten small ones too."""
    for characters in (900, 9_000, 90_000):
        why = {"bots": ["日" * characters]}
        large = [
            msgspec.structs.replace(assignment(f"{prefix}{number}", 1, []), why=why)
            for number in range(12)
        ]
        noted = [enter(one.user, "日" * 300, version) for one in large for version in (1, 2)]
        store.apply(large, noted)
        assert [store.lookup(one.user) for one in large] == large
        assert [len(store.transitions(one.user, 9)) for one in large] == [2] * len(large)
        prefix = f"{prefix}+"


def test_a_store_is_read_while_it_is_written(store: Store, prefix: str) -> None:
    segment = f"{prefix}bots"
    store.apply([assignment(f"{prefix}{number}", 1, [segment]) for number in range(50)], [])
    members = store.members(segment)
    first = next(members)
    store.apply([assignment(f"{prefix}new", 1, [segment])], [])
    assert {first, *members} >= {Member(f"{prefix}{n}", moment(1), 1) for n in range(50)}
