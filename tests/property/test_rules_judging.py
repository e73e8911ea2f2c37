"""Entering, staying and leaving, against the dumb oracle for one user and one segment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

import numpy as np
from hypothesis import given, settings

from operators.base.arrays import NEVER, Mask, Moments
from operators.base.dictionary import Dictionary
from operators.base.frame import Frame
from operators.rules import standing
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.effort import examples
from tests.property.rules_columns import AGES, COLUMNS, STEP_US
from tests.property.rules_oracle import Tree, User, holds
from tests.property.segment_histories import (
    HISTORIES,
    NAMES,
    START_US,
    History,
    Row,
    Step,
    Version,
    iso,
    judged_users,
)
from tests.segments_oracle import Holds, Person, Spec, Stay

HORIZON_US = 60


def user_at(row: Row, now_us: int) -> User:
    user: dict[str, float | str | None] = {"views": row[0]}
    for name, moment in zip(AGES, row[1:], strict=True):
        age = None if moment is None else max(now_us - moment, 0)
        user[name] = None if age is None else age / COLUMNS[name].unit_us
    return user


def holds_at(row: Row, now_us: int) -> Holds:
    user = user_at(row, now_us)

    def holds_of(tree: Tree, members: set[str]) -> bool | None:
        return holds(tree, {**user, **dict.fromkeys(members, 1.0)})

    return holds_of


def rulebook_of(version: Version) -> Rulebook:
    return Rulebook.compile(version.written(), COLUMNS, step_us=STEP_US, version=1)


def frame_of(rows: list[Row], now_us: list[int]) -> Frame:
    values = np.array(rows, dtype=float).T.reshape(3, len(rows))
    return Frame(COLUMNS, values, np.array(now_us, np.int64), Dictionary())


def word(stay: Stay) -> int:
    if not stay.inside and stay.left is None:
        return standing.NEVER_IN
    held = np.array(stay.inside and not stay.counts)
    moment = stay.entered if stay.inside else stay.left
    return int(standing.standing(np.array(stay.inside), held, np.array(moment)))


def words_of(people: Sequence[Person], names: Sequence[str]) -> Moments:
    words = [[word(person.stays.get(name, Stay())) for name in names] for person in people]
    return np.array(words, np.int64).reshape(len(people), len(names))


def why(judgement: Judgement) -> Mapping[tuple[int, int], list[str]]:
    """The why of every user and segment, which is the same whether asked for alone or not."""
    segments, users = map(range, judgement.member.shape)
    found = {}
    for at, person in enumerate(judgement.people(np.array(users, np.int64))):
        whys = person.whys(segments)
        assert whys == [person.why(segment) for segment in segments]
        found |= {(segment, at): why for segment, why in enumerate(whys)}
    return found


def named(rulebook: Rulebook, flags: Mask) -> set[str]:
    return {name for name, flag in zip(rulebook.names, flags, strict=True) if flag}


def check_step(
    rulebook: Rulebook, version: Version, people: list[Person], rows: list[Row], now_us: list[int]
) -> Judgement:
    """Judge everyone in both ways, and see that the outcomes are the same."""
    words = words_of(people, rulebook.names)
    judgement = rulebook.judge(frame_of(rows, now_us), words, judged_users(NAMES))
    for person, row, now in zip(people, rows, now_us, strict=True):
        held_out = version.held_out(person.name)
        person.judge(version.specs, held_out, holds_at(row, now), now)
    changes = judgement.changes
    after = words.copy()
    after[changes.users, changes.segments] = changes.standings
    np.testing.assert_array_equal(after, words_of(people, rulebook.names))
    for at, person in enumerate(people):
        assert named(rulebook, judgement.member[:, at]) == person.members()
        assert named(rulebook, judgement.held_out[:, at]) == person.held_out()
    return judgement


def play(history: History) -> Iterator[tuple[Version, list[Person], Judgement, Step]]:
    """Each step of a history once it is judged; the waits of a step become moments."""
    versions, steps = history
    rulebooks = [rulebook_of(version) for version in versions]
    people = [Person(name) for name in NAMES]
    now_us = [START_US] * len(NAMES)
    for at, rows, waits in steps:
        now_us = [now + wait for now, wait in zip(now_us, waits, strict=True)]
        judgement = check_step(rulebooks[at], versions[at], people, rows, now_us)
        yield versions[at], people, judgement, (at, rows, now_us)


def rivals_met(version: Version, person: Person) -> bool:
    """Whether someone is in two segments of a group, though not both are paused."""
    inside = {name for name, stay in person.stays.items() if stay.inside}
    groups = Counter(version.specs[name].group for name in inside if not version.specs[name].paused)
    taken = {version.specs[name].group for name in inside if version.specs[name].paused}
    return any(
        group is not None and (count > 1 or group in taken) for group, count in groups.items()
    )


@settings(max_examples=examples(200), deadline=None)
@given(HISTORIES)
def test_members_are_those_of_the_oracle(history: History) -> None:
    for version, people, judgement, _ in play(history):
        assert not any(rivals_met(version, person) for person in people)
        for (segment, at), reasons in why(judgement).items():
            told = judgement.member[segment, at] or judgement.was_member[segment, at]
            assert bool(reasons) == told
            assert len(set(reasons)) == len(reasons)


@settings(max_examples=examples(150), deadline=None)
@given(HISTORIES)
def test_nothing_changes_before_due(history: History) -> None:
    """Judged at every microsecond until due, with nothing but time going on, all stay put."""
    for version, people, judgement, (_, rows, now_us) in play(history):
        for at, person in enumerate(people):
            due, held_out = int(judgement.due_us[at]), version.held_out(person.name)
            assert due > now_us[at]
            stays = deepcopy(person.stays)
            for moment in range(now_us[at] + 1, min(due, now_us[at] + HORIZON_US)):
                person.judge(version.specs, held_out, holds_at(rows[at], moment), moment)
                assert person.stays == stays


REASONS = {
    "in segment": r"in segment .*",
    "not in segment": r"not in segment .*",
    "listed": r"listed as a member",
    "no longer listed": r"no longer listed as a member",
    "locked": r"min_dwell .* is not over",
    "came back": r"cooldown .* is over",
    "closed": r"until .* is over",
    "not yet open": r"from .* is not yet",
    "outranked": r".* comes first in the group .*",
    "held out": r"held out, as .*% of the users are",
    "paused": r"the segment is paused",
}


def test_the_histories_reach_everything() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(HISTORIES)
    def collect(history: History) -> None:
        for _, _, judgement, _ in play(history):
            found = {reason for reasons in why(judgement).values() for reason in reasons}
            reached.update(
                name for name, form in REASONS.items() if any(re.fullmatch(form, x) for x in found)
            )
            reached["three strata"] += len(judgement.evaluations) > 2

    collect()
    assert min(reached[name] for name in (*REASONS, "three strata")) > 2, reached


def judged(spec: SegmentSpec, row: Row, entered_us: int | None) -> Judgement:
    rulebook = Rulebook.compile({"Some": spec}, COLUMNS, step_us=STEP_US, version=1)
    stay = Stay(entered_us is not None, entered_us is not None, entered_us)
    words = np.array([[word(stay)]])
    return rulebook.judge(frame_of([row], [START_US]), words, judged_users(["ann"]))


def test_the_end_of_a_dwell_is_due_only_while_it_holds_someone() -> None:
    spec = SegmentSpec("views > 2", min_dwell="25us")
    assert judged(spec, (3.0, None, None), START_US - 10).due_us == [NEVER]
    assert judged(spec, (0.0, None, None), START_US - 10).due_us == [START_US + 15]
    assert judged(spec, (0.0, None, None), START_US - 25).member == [[False]]
    assert judged(spec, (0.0, None, None), None).due_us == [NEVER]


def test_once_in_only_leaving_is_due() -> None:
    spec = SegmentSpec("young < 4 AND views > 2", leave_when="old > 6")
    row = (3.0, START_US, START_US)
    outside = judged(SegmentSpec("young < 4 AND views > 4", "old > 6"), row, None)
    assert outside.due_us == [START_US + 4 * 7]
    assert judged(spec, row, START_US).due_us == [START_US + 6 * 10 + 1]


def test_a_step_is_due_only_for_whom_it_matters() -> None:
    spec = SegmentSpec("young + 1 < 4", leave_when="views = 0")
    row = (3.0, START_US, None)
    first = START_US - START_US % STEP_US + STEP_US
    changes = first + STEP_US  # 3 units of 7 are over in the second step
    assert judged(SegmentSpec("young + 1 > 4", "views = 0"), row, None).due_us == [changes]
    assert judged(spec, row, START_US).due_us == [NEVER]
    assert judged(spec, (3.0, None, None), None).due_us == [NEVER]


def test_a_date_is_due_only_for_whom_it_matters() -> None:
    opens, closes = START_US + 10, START_US + 40
    spec = SegmentSpec("views > 2", opens=iso(opens), until=iso(closes))
    assert judged(spec, (3.0, None, None), None).due_us == [opens]
    assert judged(spec, (0.0, None, None), None).due_us == [NEVER]
    spec = SegmentSpec("views > 2", until=iso(closes), min_dwell="1h")
    assert judged(spec, (3.0, None, None), START_US).due_us == [closes]
    assert judged(spec, (0.0, None, None), None).due_us == [NEVER]
    assert judged(SegmentSpec("views > 2", until=iso(START_US)), (3.0, None, None), 0).member == [
        [False]
    ]


def test_no_users_and_no_segments() -> None:
    rulebook = Rulebook.compile(
        {
            "Some": SegmentSpec("young > 2 AND views > 1", "old / 2 > 1", "5s", "5s"),
            "Gold": SegmentSpec("TRUE", group="tier", priority=1, holdout="5%"),
            "Silver": SegmentSpec("in_segment('Some')", group="tier", members=("ann",)),
        },
        COLUMNS,
        step_us=STEP_US,
        version=7,
    )
    nobody = rulebook.judge(frame_of([], []), np.zeros((0, 3), np.int64), judged_users([]))
    assert nobody.member.shape == (3, 0)
    empty = Rulebook.compile({}, COLUMNS, step_us=STEP_US, version=7)
    frame, nothing = frame_of([(1.0, None, None)], [START_US]), np.zeros((1, 0), np.int64)
    judgement = empty.judge(frame, nothing, judged_users(["ann"]))
    assert judgement.member.shape == (0, 1)
    assert judgement.due_us.tolist() == [NEVER]


def test_judging_changes_nothing_that_was_handed_in() -> None:
    rulebook = rulebook_of(Version({"Some": Spec(("true",))}, {"Some": 0}))
    words = np.array([[standing.NEVER_IN]])
    frame = frame_of([(np.inf, START_US, None)], [START_US])
    values = frame.values.copy()
    judgement = rulebook.judge(frame, words, judged_users(["ann"]))
    assert judgement.member.tolist() == [[True]]
    assert judgement.changes.standings.tolist() == [START_US]
    assert words.tolist() == [[standing.NEVER_IN]]
    np.testing.assert_array_equal(frame.values, values)
