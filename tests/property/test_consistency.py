"""A changelog and a store that are right have no fault; what is planted is found, and named."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flink_job.queries.consistency import Known
from flink_job.queries.faults import Inconsistency
from flink_job.queries.numbered import among
from flink_job.stores.audiences import segment_audience
from flink_job.stores.base import Member
from operators.base.moments import iso_at
from operators.contracts.records import BEGAN_ANEW, Assignment, Transition
from tests.effort import examples
from tests.property.consistency_cases import (
    PARTITIONS,
    SEGMENTS,
    USERS,
    PlainStore,
    Words,
    assigned,
    compacted,
    follows,
    found_in,
    log_of,
    named,
    right,
)

drawn = settings(max_examples=examples(200))
LOGS = range(2 * PARTITIONS)


def split(words: Words) -> tuple[list[Transition], list[Assignment]]:
    said = [each for _, each in words]
    return (
        [each for each in said if isinstance(each, Transition)],
        [each for each in said if isinstance(each, Assignment)],
    )


@drawn
@given(st.data(), right(), st.booleans())
def test_what_is_right_has_no_faults(data: st.DataObject, words: Words, with_store: bool) -> None:
    store = follows(words) if with_store else None
    findings = found_in(words, store)
    assert (findings.faults, findings.behind, findings.unjudged) == ({}, 0, {})
    kept = data.draw(compacted(words))
    findings = found_in(kept, store, Known(tombstones=True, forgets=True))
    assert (named(findings), findings.behind) == ({}, 0)


@drawn
@given(st.data(), right())
def test_a_folder_needs_no_tombstones(data: st.DataObject, words: Words) -> None:
    lines = [(log, said) for log, said in words if not isinstance(said, str)]
    assert named(found_in(lines, follows(words), Known())) == {}
    gone = {said.user for _, said in lines if isinstance(said, Assignment)} - set(
        follows(words).assignments
    )
    without = named(found_in(lines, follows(words), Known(tombstones=True)))
    assert {user for user, _, _ in without.pop("tombstone_missing", [])} == gone
    assert without == {}


@drawn
@given(st.data(), right())
def test_a_store_that_is_behind_has_no_faults(data: st.DataObject, words: Words) -> None:
    """Whatever of each log it has taken; and it is behind just as it lacks something."""
    length = Counter(log for log, _ in words)
    ends = {log: data.draw(st.integers(0, length[log]), label=f"log {log}") for log in LOGS}
    store = follows(words, ends)
    kept = data.draw(compacted(words, ends_too=False))
    findings = found_in(kept, store, Known(tombstones=True, forgets=kept != words))
    assert named(findings) == {}
    whole = follows(words)
    same = (store.assignments, store.transitions) == (whole.assignments, whole.transitions)
    if kept == words:
        assert (findings.behind == 0) == same


@drawn
@given(st.data(), right())
def test_what_is_older_than_the_topic_is_not_judged(data: st.DataObject, words: Words) -> None:
    cut = {log: data.draw(st.integers(0, len(words)), label=f"log {log}") for log in LOGS}
    kept = [
        (log, said)
        for place, (log, said) in enumerate(words)
        if not isinstance(said, Transition) or place >= cut[log]
    ]
    findings = found_in(kept, follows(words), Known(tombstones=True, cut=True))
    assert (named(findings), findings.behind) == ({}, 0)
    strict = found_in(kept, follows(words), Known(tombstones=True))
    assert strict.faults or not findings.unjudged


anything = st.lists(
    st.builds(
        Transition,
        st.sampled_from(USERS[:2]),
        st.sampled_from(SEGMENTS[:2]),
        st.sampled_from(["enter", "leave"]),
        st.just("at"),
        st.integers(1, 9),
    ),
    max_size=9,
)
some_assignments = st.lists(
    st.builds(
        assigned,
        st.sampled_from(USERS[:2]),
        st.sets(st.sampled_from(SEGMENTS[:2])),
        st.integers(1, 9),
    ),
    max_size=6,
)


def oracle(moved: list[Transition], said: list[Assignment]) -> dict[str, list[tuple[object, ...]]]:
    """Every fault of a changelog, one record at a time."""
    found = defaultdict[str, list[tuple[object, ...]]](list)
    last: dict[tuple[str, str], Transition] = {}
    for each in sorted(moved, key=lambda t: t.version):
        before = last.get((each.user, each.segment))
        name = (each.user, segment_audience(each.segment), each.version)
        if before is not None and before.version == each.version:
            found["transition_repeated"].append(name)
            continue
        was_in = before is not None and before.kind == "enter"
        if was_in == (each.kind == "enter"):
            found["entered_twice" if was_in else "left_twice"].append(name)
        last[each.user, each.segment] = each
    newest: dict[str, Assignment] = {}
    for now in said:
        if now.user in newest and now.version <= newest[now.user].version:
            found["assignment_not_newer"].append((now.user, None, now.version))
        else:
            newest[now.user] = now
    entered = {key: each.version for key, each in last.items() if each.kind == "enter"}
    assigned_ = {(now.user, name): now.version for now in newest.values() for name in now.segments}
    for kind, these, others in (
        ("assigned_not_entered", assigned_, entered),
        ("entered_not_assigned", entered, assigned_),
    ):
        for user, name in these.keys() - others.keys():
            found[kind].append((user, segment_audience(name), these[user, name]))
    return {kind: sorted(names, key=str) for kind, names in found.items()}


@drawn
@given(anything, some_assignments)
def test_faults_of_a_changelog_are_those_of_the_oracle(
    moved: list[Transition], said: list[Assignment]
) -> None:
    words: Words = [(log_of(each.user, False), each) for each in moved]
    words += [(log_of(each.user, True), each) for each in said]
    found = named(found_in(words))
    assert found == oracle(moved, said)


@drawn
@given(right(), right())
def test_a_job_that_begins_anew_is_found(before: Words, words: Words) -> None:
    """The second run knows nothing of the first, its versions are later, its users the same."""
    later = [(log, shifted(said, 1_000)) for log, said in words]
    both = before + later
    moved, said = split(both)
    found = named(found_in(both))
    twice = {key: rows for key, rows in oracle(moved, said).items() if key == "entered_twice"}
    assert found.get("entered_twice", []) == sorted(twice.get("entered_twice", []), key=str)
    assert "assignment_not_newer" not in found

    # And where its topics were emptied, but the store was not:
    store = follows(before)
    for _, said_ in later:
        store.take(said_)
    stale = set(follows(before).assignments) - {a.user for a in split(later)[1]}
    left = {key for key in follows(before).transitions if key in store.transitions}
    found = named(found_in(later, store))
    assert {user for user, _, _ in found.pop("store_user_unknown", [])} == stale
    assert {user for user, _, _ in found.pop("store_member_unknown", [])} <= stale
    assert {(user, version, segment_audience(segment)) for user, version, segment in left} == {
        (user, version, audience)
        for kind in ("store_transition_unknown", "store_forgotten_left")
        for user, audience, version in found.pop(kind, [])
    }
    assert found == {}


@drawn
@given(right(), right())
def test_what_was_before_a_job_began_anew_may_be_gone(before: Words, words: Words) -> None:
    """Its users were forgotten, and Kafka keeps of that only that members left."""
    last = Transition("", "", "leave", iso_at(999), 999, [BEGAN_ANEW])
    farewells = [
        (log_of(user, False), msgspec.structs.replace(last, user=user, segment=segment))
        for user, now in follows(before).assignments.items()
        for segment in now.segments
    ]
    assume(farewells)
    kept = [(log, said) for log, said in before if isinstance(said, Transition)]
    later = [(log, shifted(said, 1_000)) for log, said in words]
    assert named(found_in([*kept, *farewells, *later], follows(later))) == {}


def shifted(said: Transition | Assignment | str, by: int) -> Transition | Assignment | str:
    if isinstance(said, str):
        return said
    return msgspec.structs.replace(said, version=said.version + by)


@drawn
@given(right(), right(), st.sets(st.sampled_from(USERS), min_size=1))
def test_another_job_in_the_store_is_found(words: Words, others: Words, whose: set[str]) -> None:
    """It writes later, of users of whom some are the same."""
    store, mine = follows(words), follows(words)
    renamed = {user: user if user in whose else f"other {user}" for user in USERS}
    theirs = follows([(log, _of_other(shifted(said, 500), renamed)) for log, said in others])
    for now in theirs.assignments.values():
        store.members = {k: row for k, row in store.members.items() if row.user != now.user}
        store.put(now)
    store.transitions |= theirs.transitions
    found = named(found_in(words, store))
    gone = {said.user for said in split(words)[1]} - mine.assignments.keys()
    overwritten = theirs.assignments.keys() & mine.assignments.keys()
    unknown = theirs.assignments.keys() - mine.assignments.keys() - gone
    assert {user for user, _, _ in found.pop("store_assignment_differs", [])} == overwritten
    assert {user for user, _, _ in found.pop("store_user_unknown", [])} == unknown
    members = {(row.user, audience) for (audience, _), row in mine.members.items()}
    have = {(row.user, audience) for (audience, _), row in store.members.items()}
    missing = {(user, audience) for user, audience, _ in found.pop("store_member_missing", [])}
    assert missing == members - have
    extra = {(user, audience) for user, audience, _ in found.pop("store_member_unknown", [])}
    assert extra == {(user, of) for user, of in have - members if user not in gone}
    same = {(user, audience) for user, audience, _ in found.pop("store_member_differs", [])}
    assert same == {(user, of) for user, of in have & members if user in overwritten}
    found.pop("store_forgotten_left", None)
    history = found.pop("store_transition_unknown", [])
    assert {(user, version) for user, _, version in history} == {
        (user, version) for user, version, _ in theirs.transitions if user not in gone
    }
    assert found == {}


def _of_other(
    said: Transition | Assignment | str, names: dict[str, str]
) -> Transition | Assignment | str:
    if isinstance(said, str):
        return names[said]
    return msgspec.structs.replace(said, user=names[said.user])


WORDS: Words = [
    (log_of(user, isinstance(said, Assignment)), said)
    for version, user in enumerate(USERS * 2, 1)
    for said in (
        Transition(user, "Bots", "enter" if version <= 5 else "leave", "at", version),
        assigned(user, ["Bots"] if version <= 5 else [], version, cluster=1),
    )
]
LATER = 11


def planted(store: PlainStore) -> dict[str, list[tuple[str, str | None, int]]]:
    return named(found_in(WORDS, store))


def test_each_fault_of_a_row_has_its_name() -> None:
    bots, one = segment_audience("Bots"), "cluster all 1"
    assert planted(follows(WORDS)) == {}

    store = follows(WORDS)
    del store.assignments["ann"]
    assert planted(store) == {"store_user_missing": [("ann", None, 6)]}

    store = follows(WORDS)
    store.assignments["ann"] = assigned("ann", [], 6, cluster=2)
    assert planted(store) == {"store_assignment_differs": [("ann", None, 6)]}

    store = follows(WORDS)
    del store.members[one, "ann"]
    store.members[bots, "bob"] = Member("bob", None, 7)
    store.members[one, "cem"] = Member("cem", None, 3)
    assert planted(store) == {
        "store_member_missing": [("ann", one, 6)],
        "store_member_unknown": [("bob", bots, 7)],
        "store_member_differs": [("cem", one, 8)],
    }

    store = follows(WORDS)
    del store.transitions["ann", 1, "Bots"]
    store.transitions["bob", LATER, "Bots"] = Transition("bob", "Bots", "enter", "at", LATER)
    assert planted(store) == {
        "store_transition_missing": [("ann", bots, 1)],
        "store_transition_unknown": [("bob", bots, LATER)],
    }


def test_nothing_may_be_left_of_who_is_forgotten() -> None:
    bots = segment_audience("Bots")
    last = assigned("ann", [], LATER)
    words = [*WORDS, (2, msgspec.structs.replace(last, forgotten=True)), (2, "ann")]
    # What comes after it shows that the store has read so far.
    words.append((2, assigned("cem", [], LATER + 1)))
    words += [(2, assigned("eve", [], LATER + 1))]
    assert named(found_in(words, follows(words))) == {}
    store = follows(words)
    store.assignments["ann"] = assigned("ann", [], 6)
    store.members[bots, "ann"] = Member("ann", None, 1)
    store.transitions["ann", 1, "Bots"] = Transition("ann", "Bots", "enter", "at", 1)
    assert named(found_in(words, store)) == {
        "store_forgotten_left": [("ann", bots, 1), ("ann", bots, 1), ("ann", None, 6)]
    }


def test_transitions_that_the_store_need_not_keep_may_be_gone() -> None:
    store = follows(WORDS)
    del store.transitions["ann", 1, "Bots"]
    assert named(found_in(WORDS, store, Known(tombstones=True, kept_since_us=2))) == {}


def test_what_mends_is_no_fault_and_what_lasts_is_one() -> None:
    store = follows(WORDS)
    del store.assignments["ann"]
    broken = found_in([*WORDS, (0, Transition("bob", "Bots", "leave", "at", LATER))], store)
    assert set(broken.since(broken).faults) == set(broken.faults)
    mended = found_in(WORDS, follows(WORDS))
    assert mended.since(broken).faults == {}
    assert set(broken.since(mended).faults) == {Inconsistency.LEFT_TWICE}


pairs_of_numbers = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=9)


@drawn
@given(pairs_of_numbers, pairs_of_numbers)
def test_rows_among_others(rows: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    left, right_ = (np.array(each, np.int64).reshape(-1, 2) for each in (rows, others))
    assert among(left, right_).tolist() == [row in others for row in rows]
