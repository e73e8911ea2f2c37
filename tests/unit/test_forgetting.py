"""What is said of a user who is forgotten, and what stores and folders make of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from flink_job.kafka_client.topics import Topics
from flink_job.queries.follow import Follower
from flink_job.stores.sqlite import SqliteStore
from operators.contracts.packing import packed
from operators.contracts.records import Assignment, Tombstone, change, encode
from operators.contracts.wire import Evaluations, Packed, read, unpack
from operators.contracts.wire import encode as encode_message
from operators.events.markers import NULL
from operators.features.clocks import EvaluationRound, OwnTimes
from operators.features.lifetime import Forgotten, Lifetime
from operators.membership.criteria import Criteria
from operators.membership.lane import Lane, LaneRules
from operators.membership.members import Members
from operators.rules.rulebook import Rulebook
from tests.property.pipeline import segments_of
from tests.property.rules_columns import COLUMNS, JUDGED

DAY_US = 86_400_000_000
START_US = 1_700_000_000_000_000
WHY = "forgotten after 90d without events"
NAMES = {"Some": {"when": "views > 2"}, "All": {"members": ["ann", "bob"]}}
HELD = {"Trial": {"when": "views > 2", "holdout": "99.9999%"}}


@pytest.mark.parametrize(
    ("after_us", "resolution_us", "newest_us", "expected_us"),
    [
        (100, 1, 1_000, 1_100),
        (1_000, 1, 1_001, 2_010),  # steps of a hundredth
        (1_000, 30, 1_001, 2_010),  # or of the resolution
        (10_000, 30, 1_001, 11_040),  # or of the first of its multiples that is as long
    ],
)
def test_users_are_forgotten_in_steps(
    after_us: int, resolution_us: int, newest_us: int, expected_us: int
) -> None:
    assert Lifetime.of(after_us, resolution_us).over_us(newest_us) == expected_us


def lane(clock: Callable[[], int] = lambda: 0) -> Lane:
    def members(rules: LaneRules) -> Members:
        rulebook = Rulebook.compile(rules.specs(), JUDGED, step_us=1, version=1)
        return Members(Criteria(COLUMNS, rulebook, (), 1))

    return Lane(LaneRules(segments_of({**NAMES, **HELD}, 1)), members, clock)


def seen(lane: Lane, users: list[str], views: float, now_us: int, own: bool = False) -> Evaluations:
    """These users with so many views."""
    rows = np.sort(lane.members.table.rows_of(users))
    values = np.full((len(COLUMNS), len(rows)), np.nan)
    values[list(COLUMNS).index("views")] = views
    moments = np.full(len(rows), now_us)
    time = OwnTimes(rows, moments) if own else now_us
    return Evaluations(time, None, [EvaluationRound(rows, moments, values)])


def gone(lane: Lane, users: list[str], now_us: int, own: bool) -> Evaluations:
    """These users, forgotten."""
    rows = lane.members.table.rows_of(users)
    time = OwnTimes(rows[:0], rows[:0]) if own else now_us
    return Evaluations(time, None, [], Forgotten(rows, np.full(len(rows), now_us), WHY))


@pytest.mark.parametrize("own", [True, False])
def test_who_is_forgotten_leaves_everything_and_comes_back_as_somebody_new(own: bool) -> None:
    found = lane()
    entered = found.judge(seen(found, ["ann", "cay"], 3.0, START_US, own), {})
    assert entered.assignments["ann"].segments == ["All", "Some"]
    assert entered.assignments["cay"].held_out.keys() == {"Trial"}
    end_us = START_US + 90 * DAY_US
    left = found.judge(gone(found, ["ann", "cay"], end_us, own), {})
    assert [(t.user, t.segment, t.kind, t.why) for t in left.transitions] == [
        ("ann", "Some", "leave", [WHY]),
        ("ann", "All", "leave", [WHY]),
        ("cay", "Some", "leave", [WHY]),
    ]
    for user in ("ann", "cay"):
        version = left.assignments[user].version
        assert version > entered.assignments[user].version
        assert {t.version for t in left.transitions} == {version}
        expected = Assignment(
            user, version, "2024-02-12T22:13:20.000000Z", [], rules=1, forgotten=True
        )
        assert left.assignments[user] == expected
    assert len(found.members.table) == 0
    back = found.judge(seen(found, ["bob", "ann"], 0.0, end_us, own), {})
    assert {(t.user, t.segment, t.kind) for t in back.transitions} == {
        (user, "All", "enter") for user in ("bob", "ann")
    }
    assert back.assignments["ann"].version > left.assignments["ann"].version
    assert found.members.table.extent == 2


def test_versions_are_the_wall_clock_s_and_grow_though_that_goes_back() -> None:
    moments = iter([START_US, START_US + 5, START_US - 5, START_US + 9])
    found = lane(lambda: next(moments))
    versions = [
        found.judge(seen(found, ["ann"], views, START_US), {}).assignments["ann"].version
        for views in (1.0, 3.0, 1.0, 3.0)
    ]
    assert versions == [START_US, START_US + 5, START_US + 6, START_US + 9]


def test_who_was_never_heard_of_is_forgotten_without_a_word() -> None:
    found = lane()
    at_us = np.full(1, START_US).tobytes()
    message = read(
        encode_message(
            {
                **{"kind": "evaluations", "time": START_US, "event_at_ms": None},
                **{"users": [], "texts": [], "rounds": [], "forgotten": [["eve"], at_us, WHY]},
            }
        )
    )
    assert isinstance(message, Packed)
    evaluations = unpack(message, found.members.table, found.members.coded)
    collected = found.judge(evaluations, {})
    assert (collected.assignments, collected.transitions) == ({}, [])
    assert len(found.members.table) == 0


def test_a_tombstone_is_packed_as_the_mark_of_null() -> None:
    assert packed("ann", None) == b"003ann" + NULL


def test_a_last_assignment_asks_stores_to_forget() -> None:
    last = Assignment("ann", 7, "", [], forgotten=True)
    assert change(last) == Tombstone("ann", 7)
    again = msgspec.json.decode(encode(last), type=Assignment)
    assert again == last
    other = msgspec.structs.replace(last, forgotten=False)
    assert change(other) is other
    assert b"forgotten" not in encode(other)


def test_a_folder_is_followed_into_a_store_that_forgets_and_knows_who_comes_back(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "store.db", keep_transitions_us=DAY_US)
    follower = Follower(tmp_path / "out", Topics(), store)
    folder = tmp_path / "out" / Topics().assignments
    folder.mkdir(parents=True)

    def write(name: str, *told: Assignment) -> None:
        (folder / name).write_bytes(b"".join(encode(each) + b"\n" for each in told))
        follower.apply()

    write("part-0", Assignment("ann", 1, "", ["Some"]), Assignment("bob", 1, "", ["Some"]))
    write("part-1", Assignment("ann", 2, "", [], forgotten=True))
    assert store.lookup("ann") is None
    assert [member.user for member in store.members("Some")] == ["bob"]
    assert [known.user for known in store.assignments()] == ["bob"]
    write("part-2", Assignment("ann", 3, "", ["Some"]))
    assert {member.user for member in store.members("Some")} == {"ann", "bob"}
    store.close()
