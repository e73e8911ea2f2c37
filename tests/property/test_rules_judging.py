"""Entering, staying and leaving, against the dumb oracle for one user and one segment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zlib import crc32

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.frame import Frame, Moments
from operators.pages.dictionary import Dictionary
from operators.rules import standing
from operators.rules.cells import Bools
from operators.rules.crossing import NEVER
from operators.rules.crowd import Crowd, Holdouts
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.property.rules_oracle import Tree, User, holds, segments_in, text
from tests.property.test_rules_crossing import AGES, COLUMNS, EXACT, TREES
from tests.segments_oracle import Holds, Person, Spec, Stay

START_US = 1_700_000_000_000_000
STEP_US = 20
HORIZON_US = 60
NAMES = ("ann", "bob", "cay", "dan")

Row = tuple[float | None, int | None, int | None]  # views, and the moments of two ages


@dataclass(frozen=True)
class Version:
    """Some segments, as the oracle has them and as an analyst writes them, with their holdouts."""

    specs: dict[str, Spec]
    shares: dict[str, int]  # percent; 0 is no holdout

    def written(self) -> dict[str, SegmentSpec]:
        return {name: written(spec, self.shares[name]) for name, spec in self.specs.items()}

    def held_out(self, user: str) -> set[str]:
        """The segments out of which a user is held; how they are chosen is tested elsewhere."""
        shares = {name: share / 100 for name, share in self.shares.items() if share}
        held = Holdouts(list(shares), list(shares.values())).held_out(crowd_of([user]))
        return {name for name, is_held in zip(shares, held[:, 0], strict=True) if is_held}


def written(spec: Spec, share: int) -> SegmentSpec:
    """A segment as an analyst writes it."""
    return SegmentSpec(
        when=None if spec.when is None else text(spec.when),
        leave_when=None if spec.leave_when is None else text(spec.leave_when),
        min_dwell=f"{spec.min_dwell}us" if spec.min_dwell else None,
        cooldown=f"{spec.cooldown}us" if spec.cooldown else None,
        members=tuple(spec.members),
        opens=None if spec.opens is None else iso(spec.opens),
        until=None if spec.closes is None else iso(spec.closes),
        group=spec.group,
        priority=spec.priority,
        holdout=f"{share}%" if share else None,
        paused=spec.paused,
    )


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


def iso(moment_us: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment_us)).isoformat()


MOMENTS = st.none() | st.integers(START_US - 40, START_US + 100)
ROWS = st.tuples(st.sampled_from((None, 0.0, 2.0, 3.0)), MOMENTS, MOMENTS)


def compared(name: str, operator: str, number: float) -> Tree:
    return (operator, ("column", name), ("number", number))


SIMPLE: tuple[Tree, ...] = (
    *(compared("views", ">", 1.0), compared("views", ">", 2.0), compared("views", "<", 2.0)),
    *(compared("young", "<", 3.0), compared("young", ">", 2.0), compared("old", ">", 3.0)),
    *(compared("old", "<=", 2.0), ("true",)),
)
USERS = len(NAMES)
Step = tuple[int, list[Row], list[int]]  # which version judges, features, and how long after
History = tuple[list[Version], list[Step]]


class Draw:
    """Draws all but conditions from a seed: hypothesis itself would leave most at their least,
    and segments with dates, groups and holdouts all at once would be rare.
    """

    def __init__(self, seed: int, trees: Sequence[Tree]) -> None:
        self._random = Random(seed)
        self._trees = [*SIMPLE, *trees]

    def version(self, names: Sequence[str]) -> Version:
        """Segments with everything that there is, under these names, in some order.

        A segment asks only for those of lower ranks, and a group is of one rank, so that
        nothing goes in a circle.
        """
        ranks = {name: self._random.randint(0, 2) for name in names}
        specs = {}
        for priority, name in enumerate(names):
            lower = [other for other in names if ranks[other] < ranks[name]]
            specs[name] = self._spec(lower, f"group {ranks[name]}", priority)
        shares = {name: self._one(0, 0, 0, 40, 70) for name in names}
        order = self._random.sample(names, len(names))
        return Version({name: specs[name] for name in order}, shares)

    def history(self) -> History:
        """One or two versions of some segments, and what happens to some users."""
        names = [f"segment {at}" for at in range(self._random.randint(0, 5))]
        versions = [self.version(names) for _ in range(self._one(1, 1, 2))]
        return versions, [self._step(len(versions)) for _ in range(self._random.randint(1, 12))]

    def _spec(self, lower: Sequence[str], group: str, priority: int) -> Spec:
        members = self._one((), (), (), (), NAMES[:1], NAMES[3:])
        when = None if members and self._one(True, False) else self._condition(lower)
        leave_when = None if when is None else self._one(None, self._condition(lower))
        opens, closes = self._date(), self._date()
        if opens is not None and closes is not None and opens >= closes:
            closes = None
        group_or_none = self._one(None, group)
        return Spec(
            when=when,
            leave_when=leave_when,
            min_dwell=self._one(0, 0, 5, 25),
            cooldown=self._one(0, 0, 5, 25),
            members=members,
            opens=opens,
            closes=closes,
            group=group_or_none,
            priority=0 if group_or_none is None else priority,
            paused=self._one(*[False] * 6, True),
            asks=segments_in((when, leave_when)),
        )

    def _condition(self, asked: Sequence[str]) -> Tree:
        tree: Tree = self._random.choice(self._trees)
        if not asked:
            return tree
        asking: Tree = ("in segment", self._random.choice(asked))
        negated: Tree = ("not", asking)
        return self._one(tree, asking, negated, ("and", tree, asking), ("or", negated, tree))

    def _date(self) -> int | None:
        return self._one(None, None, None, START_US + self._random.randint(-20, 120))

    def _step(self, versions: int) -> Step:
        rows = [
            (self._one(None, 0.0, 2.0, 3.0), self._moment(), self._moment()) for _ in range(USERS)
        ]
        waits = [self._random.randint(0, 30) for _ in range(USERS)]
        return self._random.randrange(versions), rows, waits

    def _moment(self) -> int | None:
        return self._one(None, START_US + self._random.randint(-40, 100))

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)


SEEDS = st.binary(min_size=8, max_size=8).map(int.from_bytes)
DRAWS = st.builds(Draw, SEEDS, st.lists(TREES.conditions(EXACT), max_size=4))
HISTORIES = st.builds(Draw.history, DRAWS)


def rulebook_of(version: Version) -> Rulebook:
    return Rulebook.compile(version.written(), COLUMNS, step_us=STEP_US, version=1)


def frame_of(rows: list[Row], now_us: list[int]) -> Frame:
    values = np.array(rows, dtype=float).T.reshape(3, len(rows))
    return Frame(COLUMNS, values, np.array(now_us, np.int64), Dictionary())


def crowd_of(users: Sequence[str]) -> Crowd:
    hashes = np.array([crc32(user.encode()) for user in users], np.uint32)
    return Crowd(list(users), hashes, np.arange(len(users)))


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
    """The why of every user and segment."""
    people = judgement.people(np.arange(judgement.member.shape[1]))
    return {
        (segment, at): people[at].why(segment) for segment, at in np.ndindex(judgement.member.shape)
    }


def named(rulebook: Rulebook, flags: Bools) -> set[str]:
    return {name for name, flag in zip(rulebook.names, flags, strict=True) if flag}


def check_step(
    rulebook: Rulebook, version: Version, people: list[Person], rows: list[Row], now_us: list[int]
) -> Judgement:
    """Judge everyone in both ways, and see that the outcomes are the same."""
    words = words_of(people, rulebook.names)
    judgement = rulebook.judge(frame_of(rows, now_us), words, crowd_of(NAMES))
    for person, row, now in zip(people, rows, now_us, strict=True):
        held_out = version.held_out(person.name)
        person.judge(version.specs, held_out, holds_at(row, now), now)
    changes = judgement.changes
    after = words.copy()
    after[changes.users, changes.segments] = changes.words
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
    now_us = [START_US] * USERS
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


@settings(max_examples=200, deadline=None)
@given(HISTORIES)
def test_members_are_those_of_the_oracle(history: History) -> None:
    for version, people, judgement, _ in play(history):
        assert not any(rivals_met(version, person) for person in people)
        for (segment, at), reasons in why(judgement).items():
            told = judgement.member[segment, at] or judgement.was_member[segment, at]
            assert bool(reasons) == told
            assert len(set(reasons)) == len(reasons)


@settings(max_examples=150, deadline=None)
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
    return rulebook.judge(frame_of([row], [START_US]), words, crowd_of(["ann"]))


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
    step = START_US - START_US % STEP_US + STEP_US
    assert judged(SegmentSpec("young + 1 > 4", "views = 0"), row, None).due_us == [step]
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
    nobody = rulebook.judge(frame_of([], []), np.zeros((0, 3), np.int64), crowd_of([]))
    assert nobody.member.shape == (3, 0)
    empty = Rulebook.compile({}, COLUMNS, step_us=STEP_US, version=7)
    frame, nothing = frame_of([(1.0, None, None)], [START_US]), np.zeros((1, 0), np.int64)
    judgement = empty.judge(frame, nothing, crowd_of(["ann"]))
    assert judgement.member.shape == (0, 1)
    assert judgement.due_us.tolist() == [NEVER]


def test_judging_changes_nothing_that_was_handed_in() -> None:
    rulebook = rulebook_of(Version({"Some": Spec(("true",))}, {"Some": 0}))
    words = np.array([[standing.NEVER_IN]])
    frame = frame_of([(np.inf, START_US, None)], [START_US])
    values = frame.values.copy()
    judgement = rulebook.judge(frame, words, crowd_of(["ann"]))
    assert judgement.member.tolist() == [[True]]
    assert judgement.changes.words.tolist() == [START_US]
    assert words.tolist() == [[standing.NEVER_IN]]
    np.testing.assert_array_equal(frame.values, values)
