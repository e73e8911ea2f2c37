"""The members of a lane: by both clocks alike, and what is published of those held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts.records import Assignment, Transition
from operators.features.clocks import EvaluationRound, OwnTimes
from operators.membership.criteria import Criteria
from operators.membership.members import Members
from operators.membership.publish import Record, publish
from operators.membership.verdicts import Verdicts
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from tests.effort import examples
from tests.property.rules_columns import COLUMNS, JUDGED, STEP_US
from tests.property.segment_histories import DRAWS, NAMES, ROWS, START_US, Draw, Row

Message = tuple[int, dict[str, Row]]  # how long after the one before, and who has which features
MESSAGES = st.lists(
    st.tuples(st.integers(0, 60), st.dictionaries(st.sampled_from(NAMES), ROWS)), max_size=8
)


@dataclass
class Lane:
    """A lane of Assign without Flink, and what it published."""

    members: Members
    moves: list[Transition] = field(default_factory=list)
    assignments: dict[str, Assignment] = field(default_factory=dict)

    def judge(self, rows: dict[str, Row], now_us: int, exact: bool) -> None:
        """A message: features of some users now."""
        members = self.members
        rounds = [self._round(rows, now_us)] if rows else []
        everyone = members.everyone()
        time = OwnTimes(everyone, np.full(len(everyone), now_us)) if exact else now_us
        for verdicts in members.judge(rounds, {}, time):
            for record in self._published(verdicts):
                if isinstance(record, Transition):
                    self.moves.append(record)
                else:
                    self.assignments[record.user] = record
        members.journal.commit()

    def _published(self, verdicts: Verdicts) -> Iterator[Record]:
        versions = 1 + verdicts.turns()
        return publish(verdicts, self.members.table, self.members.rulebook, versions, None)

    def _round(self, rows: dict[str, Row], now_us: int) -> EvaluationRound:
        at = self.members.table.rows_of(list(rows))
        order = np.argsort(at)
        values = np.array(list(rows.values()), dtype=float).T.reshape(len(COLUMNS), len(rows))
        return EvaluationRound(at[order], np.full(len(at), now_us), values[:, order])


def lane_of(segments: dict[str, SegmentSpec]) -> Lane:
    rulebook = Rulebook.compile(segments, JUDGED, step_us=STEP_US, version=1)
    return Lane(Members(Criteria(COLUMNS, rulebook, (), 1)))


def told(lane: Lane) -> Sequence[tuple[object, ...]]:
    return sorted((m.at, m.user, m.segment, m.kind, m.why) for m in lane.moves)


def unversioned(lane: Lane) -> dict[str, Assignment]:
    return {user: msgspec.structs.replace(x, version=0) for user, x in lane.assignments.items()}


@settings(max_examples=examples(150), deadline=None)
@given(DRAWS, st.integers(0, 4), MESSAGES)
def test_both_clocks_judge_alike(draw: Draw, count: int, messages: list[Message]) -> None:
    """In the order of time at once, or looked at whenever somebody is due."""
    version = draw.version([f"segment {at}" for at in range(count)])
    exact, wall = lane_of(version.written()), lane_of(version.written())
    now_us = START_US
    for wait, rows in [*messages, (60, {})]:
        now_us += wait
        exact.judge(rows, now_us, exact=True)
        while (due_us := wall.members.next_due_us()) < now_us:
            wall.judge({}, due_us, exact=False)
        wall.judge(rows, now_us, exact=False)
    assert told(exact) == told(wall)
    assert unversioned(exact) == unversioned(wall)


def test_who_is_held_out_is_told_apart_without_transitions() -> None:
    lane = lane_of(
        {
            "Trial": SegmentSpec("views > 2", holdout="30%", min_dwell="10us"),
            "Treated": SegmentSpec("in_segment('Trial')"),
            "All": SegmentSpec("views > 2"),
        }
    )
    users = [f"user {number}" for number in range(200)]
    lane.judge(dict.fromkeys(users, (3.0, None, None)), START_US, exact=True)
    held = {user for user, found in lane.assignments.items() if found.held_out}
    assert 30 < len(held) < 90
    for user, found in lane.assignments.items():
        moved = {(move.segment, move.kind) for move in lane.moves if move.user == user}
        if user in held:
            assert (found.segments, found.held_out) == (["All"], {"Trial": found.since["All"]})
            assert moved == {("All", "enter")}
        else:
            assert found.segments == ["All", "Treated", "Trial"]
            assert len(moved) == 3
    before = len(lane.moves)
    lane.judge(dict.fromkeys(users, (0.0, None, None)), START_US + 5, exact=True)
    assert {user for user, found in lane.assignments.items() if found.held_out} == held
    assert {move.segment for move in lane.moves[before:]} == {"All"}
    lane.judge({}, START_US + 10, exact=True)
    assert not any(found.held_out or found.segments for found in lane.assignments.values())
    assert not {move.user for move in lane.moves if move.segment == "Trial"} & held


def test_an_assignment_of_someone_held_out_reads_back() -> None:
    lane = lane_of({"Trial": SegmentSpec("TRUE", holdout="99.9999%")})
    lane.judge({"ann": (0.0, None, None)}, START_US, exact=False)
    (found,) = lane.assignments.values()
    assert found.held_out == {"Trial": "2023-11-14T22:13:20.000000Z"}
    assert msgspec.json.decode(msgspec.json.encode(found), type=Assignment) == found
