"""The changelog answers as a store does: what was said last about a user is what is true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from flink_job.stores.audiences import audiences
from flink_job.stores.base import Member, Store
from flink_job.stores.changelog_view import ChangelogView, RawRecord
from operators.contracts.records import Assignment, Change, Transition, encode
from tests.stack.histories import History, enter, histories, holds, transitions_of, words

NOBODY: list[RawRecord] = []


def spoken(changes: Iterable[Change], how: str = "kafka") -> list[RawRecord]:
    """Changes as the changelog holds them.

    In Kafka a forgotten user's last record is followed by one without a value, and may be
    compacted away; in a folder there is only the record.
    """
    said: list[RawRecord] = []
    for change in changes:
        if isinstance(change, Assignment):
            said.append((change.user.encode(), encode(change)))
            continue
        last = Assignment(change.user, change.version, "", [], forgotten=True)
        words = [(change.user.encode(), encode(last)), (change.user.encode(), None)]
        said += {"kafka": words, "folder": words[:1], "compacted": words[1:]}[how]
    return said


ways = st.sampled_from(["kafka", "folder", "compacted"])


@given(histories(ordered=True), st.booleans(), ways)
def test_it_holds_each_user_s_last_word(history: History, repeated: bool, how: str) -> None:
    said = spoken((change for batch in history.batches for change in batch), how)
    # What a restarted job writes again has no new version: it changes nothing.
    words = said + [word for word in said if word[1] is not None] if repeated else said
    view = ChangelogView(lambda: words, lambda: NOBODY)
    holds(cast(Store, view), history, "")
    assert sorted(view.all_members(), key=str) == sorted(
        (
            (audience, Member(now.user, since, now.version))
            for now in view.assignments()
            for audience, since in audiences(now).items()
        ),
        key=str,
    )


@given(words("ann"), st.integers(1, 5), ways)
def test_transitions_from_before_a_user_was_forgotten_are_gone(
    said: list[Change], limit: int, how: str
) -> None:
    moved = transitions_of(said)
    others = [enter("bob", "bots", 99)]
    view = ChangelogView(
        lambda: spoken(said, how),
        lambda: [(None, encode(each)) for each in (*moved, *others, *moved)],
    )
    kept: list[Transition] = []
    for change in said:
        kept = [*kept, *transitions_of([change])] if isinstance(change, Assignment) else []
    assert view.transitions("ann", limit) == kept[::-1][:limit]
    assert list(view.all_transitions()) == [*kept, *others]


def test_what_is_none_of_ours_is_counted_and_passed_over() -> None:
    known = Assignment("ann", 1, "2026-01-01T00:00:00Z", ["bots"])
    strange = [b"", b"no JSON", b"\xff", b"[]", b'{"user": 7, "version": 1}']
    read = [(b"x", value) for value in strange]
    view = ChangelogView(
        lambda: [*read, *spoken([known])], lambda: [*read, (b"ann", b'{"user":"ann","version":1}')]
    )
    assert list(view.assignments()) == [known]
    assert view.unreadable == len(strange)
    assert view.transitions("ann", 5) == []
    assert view.unreadable == 2 * len(strange) + 1


def test_later_fields_are_passed_over() -> None:
    value = msgspec.json.encode(
        {"user": "a", "version": 1, "updated_at": "", "segments": [], "new": 1}
    )
    view = ChangelogView(lambda: [(b"a", value)], lambda: NOBODY)
    assert view.lookup("a") == Assignment("a", 1, "", [])
