"""Entering, staying and leaving, against a dumb state machine for one user and one segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.frame import Frame
from operators.pages.dictionary import Dictionary
from operators.rules.crossing import NEVER
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.property.rules_oracle import Tree, User, holds, text
from tests.property.test_rules_crossing import AGES, COLUMNS, EXACT, TREES

START_US = 1_700_000_000_000_000
STEP_US = 20
HORIZON_US = 60
DWELLS_US = (None, 5, 25)
GARBAGE_US = START_US - 1  # the moment of entering of whom is out, which must not matter

Row = tuple[float | None, int | None, int | None]  # views, and the moments of two ages


@dataclass(frozen=True)
class Spec:
    when: Tree
    leave_when: Tree | None
    min_dwell_us: int | None

    def segment(self) -> SegmentSpec:
        return SegmentSpec(
            text(self.when),
            None if self.leave_when is None else text(self.leave_when),
            None if self.min_dwell_us is None else f"{self.min_dwell_us}us",
        )


@dataclass
class Machine:
    """One user's way in and out of one segment."""

    spec: Spec
    entered_us: int | None = None

    def judge(self, user: User, now_us: int) -> None:
        when = holds(self.spec.when, user)
        leave_when = None if self.spec.leave_when is None else holds(self.spec.leave_when, user)
        if self.entered_us is None:
            if when is True and leave_when is not True:
                self.entered_us = now_us
            return
        leaves = when is not True if self.spec.leave_when is None else leave_when is True
        if leaves and now_us - self.entered_us >= (self.spec.min_dwell_us or 0):
            self.entered_us = None


def user_at(row: Row, now_us: int) -> User:
    user: dict[str, float | str | None] = {"views": row[0]}
    for name, moment in zip(AGES, row[1:], strict=True):
        age = None if moment is None else max(now_us - moment, 0)
        user[name] = None if age is None else age / COLUMNS[name].unit_us
    return user


CONDITIONS = TREES.conditions(EXACT)
SPECS = st.builds(Spec, CONDITIONS, st.none() | CONDITIONS, st.sampled_from(DWELLS_US))
MOMENTS = st.none() | st.integers(START_US - 40, START_US + 100)
ROWS = st.tuples(st.sampled_from((None, 0.0, 2.0, 3.0)), MOMENTS, MOMENTS)
USERS = 4
ROUNDS = st.lists(
    st.tuples(
        st.lists(ROWS, min_size=USERS, max_size=USERS),
        st.lists(st.integers(0, 30), min_size=USERS, max_size=USERS),
    ),
    max_size=5,
)


def rulebook_of(specs: list[Spec]) -> Rulebook:
    segments = {f"segment {at}": spec.segment() for at, spec in enumerate(specs)}
    return Rulebook.compile(segments, COLUMNS, step_us=STEP_US, version=1)


def frame_of(rows: list[Row], now_us: list[int]) -> Frame:
    values = np.array(rows, dtype=float).T.reshape(3, len(rows))
    return Frame(COLUMNS, values, np.array(now_us), Dictionary())


def judge(rulebook: Rulebook, machines: list[list[Machine]], frame: Frame) -> Judgement:
    entered = [[m.entered_us for m in user] for user in machines]
    shape = (len(machines), len(rulebook.names))
    member = np.array([[x is not None for x in user] for user in entered], bool).reshape(shape)
    moments = [[GARBAGE_US if x is None else x for x in user] for user in entered]
    entered_us = np.array(moments, np.int64).reshape(shape)
    return rulebook.judge(frame, member, entered_us)


@settings(max_examples=300)
@given(st.lists(SPECS, max_size=4), ROUNDS)
def test_members_are_the_state_machines(
    specs: list[Spec], rounds: list[tuple[list[Row], list[int]]]
) -> None:
    rulebook = rulebook_of(specs)
    machines = [[Machine(spec) for spec in specs] for _ in range(USERS)]
    now_us = [START_US] * USERS
    for rows, waits in rounds:
        now_us = [now + wait for now, wait in zip(now_us, waits, strict=True)]
        judgement = judge(rulebook, machines, frame_of(rows, now_us))
        for at, user in enumerate(machines):
            for segment, machine in enumerate(user):
                machine.judge(user_at(rows[at], now_us[at]), now_us[at])
                assert judgement.member[at, segment] == (machine.entered_us is not None)
                if machine.entered_us is not None:
                    assert judgement.entered_us[at, segment] == machine.entered_us


@settings(max_examples=300)
@given(st.lists(SPECS, min_size=1, max_size=4), ROUNDS)
def test_nothing_changes_before_due(
    specs: list[Spec], rounds: list[tuple[list[Row], list[int]]]
) -> None:
    """Judged at every microsecond until due, with nothing but time going on, all stay put."""
    rulebook = rulebook_of(specs)
    machines = [[Machine(spec) for spec in specs] for _ in range(USERS)]
    now_us = [START_US] * USERS
    for rows, waits in rounds:
        now_us = [now + wait for now, wait in zip(now_us, waits, strict=True)]
        judgement = judge(rulebook, machines, frame_of(rows, now_us))
        for at, user in enumerate(machines):
            due = int(judgement.due_us[at])
            assert due > now_us[at]
            for machine in user:
                machine.judge(user_at(rows[at], now_us[at]), now_us[at])
            stays = [machine.entered_us for machine in user]
            for moment in range(now_us[at] + 1, min(due, now_us[at] + HORIZON_US)):
                for machine in user:
                    machine.judge(user_at(rows[at], moment), moment)
                assert [machine.entered_us for machine in user] == stays


def judged(spec: SegmentSpec, row: Row, entered_us: int | None) -> Judgement:
    rulebook = Rulebook.compile({"Some": spec}, COLUMNS, step_us=STEP_US, version=1)
    member = np.array([[entered_us is not None]])
    moment = GARBAGE_US if entered_us is None else entered_us
    return rulebook.judge(frame_of([row], [START_US]), member, np.array([[moment]]))


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


def test_no_users_and_no_segments() -> None:
    nobody = np.zeros((0, 1), bool), np.zeros((0, 1), np.int64)
    rulebook = Rulebook.compile(
        {"Some": SegmentSpec("young > 2 AND views > 1", "old / 2 > 1", "5s")},
        COLUMNS,
        step_us=STEP_US,
        version=7,
    )
    assert rulebook.judge(frame_of([], []), *nobody).member.shape == (0, 1)
    empty = Rulebook.compile({}, COLUMNS, step_us=STEP_US, version=7)
    nothing = np.zeros((1, 0), bool), np.zeros((1, 0), np.int64)
    judgement = empty.judge(frame_of([(1.0, None, None)], [START_US]), *nothing)
    assert judgement.member.shape == (1, 0)
    assert judgement.due_us.tolist() == [NEVER]


def test_judging_changes_nothing_that_was_handed_in() -> None:
    rulebook = rulebook_of([Spec(("true",), None, None)])
    member, entered_us = np.zeros((1, 1), bool), np.zeros((1, 1), np.int64)
    frame = frame_of([(np.inf, START_US, None)], [START_US])
    values = frame.values.copy()
    judgement = rulebook.judge(frame, member, entered_us)
    assert judgement.member.tolist() == [[True]]
    assert judgement.entered_us.tolist() == [[START_US]]
    assert (member.tolist(), entered_us.tolist()) == ([[False]], [[0]])
    np.testing.assert_array_equal(frame.values, values)
