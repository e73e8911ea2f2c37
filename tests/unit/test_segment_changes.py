"""What an apply says of each segment, and how far a job says it has come."""

from __future__ import annotations

from flink_job.cli.changes import difference_lines, members_lines
from flink_job.control.differences import differences
from flink_job.control.status import VersionProgress
from operators.base.arrays import NEVER
from operators.contracts.records import LaneProgress
from operators.membership.telling import TELL_US, Telling
from operators.rules.spec import SegmentSpec

HELD = {
    "Kept": SegmentSpec(when="views > 1"),
    "Ever": SegmentSpec(when="views > 1", group="tier", members=("ann", "bob")),
    "Gone": SegmentSpec(when="views > 9", holdout="10%"),
}
WANTED = {
    "Kept": SegmentSpec(when="views > 1"),
    "Ever": SegmentSpec(
        when="views > 2", group="tier", priority=2, members=("bob", "cat", "dan"), min_dwell="5m"
    ),
    "New": SegmentSpec(members=("ann",), paused=True),
}
CHANGES = list(differences(HELD, WANTED))
AT = "2026-11-25T10:00:0{}Z"


def lane(number: int, rules: int, users: int, judged: int, **members: int) -> LaneProgress:
    return LaneProgress(number, rules, users, judged, AT.format(number), members or None)


def test_what_is_added_changed_and_removed_is_told_field_by_field() -> None:
    assert [(each.kind, each.name, each.fields) for each in CHANGES] == [
        ("added", "New", ("members: 1 listed", "paused: true")),
        (
            "changed",
            "Ever",
            (
                *("when: views > 1 -> views > 2", "min_dwell: none -> 5m"),
                *("members: 2 listed -> 3 listed (2 more, 1 gone)", "priority: 0 -> 2"),
            ),
        ),
        ("removed", "Gone", ("when: views > 9", "holdout: 10%")),
    ]
    assert list(differences(HELD, HELD)) == []


def test_members_are_told_as_of_when_or_why_not() -> None:
    told = [lane(1, 3, 9, 9, Kept=4, Ever=2, Gone=0), lane(2, 3, 8, 8, Kept=1, Ever=3, Gone=0)]
    lines = list(difference_lines(CHANGES, VersionProgress.of(3, 2, told)))
    assert lines[0] == "+ added 'New': members: 1 listed; paused: true"
    assert lines[1].startswith("~ changed 'Ever' (5 members): when: views > 1 -> views > 2; ")
    assert lines[2] == "- removed 'Gone' (0 members): when: views > 9; holdout: 10%"
    assert lines[3].startswith(f"  members: told at {AT.format(2)}; ")
    for progress, why in (
        (None, "no job was started yet"),
        (VersionProgress.of(3, 3, told), "the job has not told since it was started"),
        (VersionProgress.of(4, 2, told), "the job is still judging by the version before"),
    ):
        *others, last = difference_lines(CHANGES, progress)
        assert "members)" not in "".join(others)
        assert last == f"  how many members they have is not known: {why}"
    after = VersionProgress.of(4, 1, [lane(1, 4, 9, 9, Kept=4, Ever=2, New=1_000)])
    assert list(members_lines(CHANGES, after)) == ["  members now: 'New' 1,000, 'Ever' 2"]


def test_no_number_is_told_before_all_lanes_have_told() -> None:
    some = VersionProgress.of(1, 3, [lane(1, 1, 57, 57, A=3), lane(2, 1, 0, 0, A=0)])
    assert (some.users, some.judged, some.members, some.done) == (None, None, None, False)
    assert some.text() == (
        "2 of 3 lanes; how many users there are is not known yet: 1 have not told"
    )
    all_ = VersionProgress.of(
        1, 3, [lane(1, 1, 57, 57, A=3), lane(2, 1, 2_000, 2_000, A=1), lane(3, 1, 43, 43, A=0)]
    )
    assert all_.text() == "3 of 3 lanes, 2,100 of 2,100 users"
    assert (all_.members, all_.told_at, all_.done) == ({"A": 4}, AT.format(3), True)


def test_users_of_lanes_that_have_not_taken_the_version_count_but_are_not_judged() -> None:
    behind = VersionProgress.of(2, 2, [lane(1, 2, 10, 4), lane(2, 1, 90, 90, A=1)])
    assert (behind.users, behind.judged, behind.lanes_taken) == (100, 4, 1)
    assert (behind.members, behind.done) == (None, False)


def test_news_are_told_soon_and_not_too_often() -> None:
    telling, at_us = Telling(), TELL_US * 9
    assert telling.due_us <= TELL_US  # a lane that is restored tells at once
    telling.told(5, at_us)
    telling.heard(5, moved=False)
    assert telling.due_us == NEVER
    telling.heard(6, moved=False)
    assert telling.due_us == at_us + 1_000_000
    telling.told(6, at_us)
    telling.heard(6, moved=True)
    telling.heard(6, moved=False)
    assert telling.due_us == at_us + 1_000_000


def test_lanes_of_many_users_count_them_less_often() -> None:
    telling, pauses = Telling(), []
    for users in (20_000, 200_000):
        telling.told(users, 0)
        telling.heard(users, moved=True)
        pauses.append(telling.due_us)
    assert pauses == [2_000_000, TELL_US]
