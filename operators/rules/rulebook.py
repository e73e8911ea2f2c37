"""All segments of a configuration, compiled: who is in which now, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from operators.errors import ConfigError, Problem
from operators.frame import FeatureColumn, Frame, Moments
from operators.rules.cells import Bools
from operators.rules.circuit import Circuit
from operators.rules.crossing import NEVER, Clock, Crossings, GatedClock
from operators.rules.explain import Reason
from operators.rules.judgement import Judgement, Rule
from operators.rules.segment import Segment, check
from operators.rules.spec import SegmentSpec
from operators.rules.tree import Condition


def problems(
    segments: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn]
) -> list[Problem]:
    """Every mistake in these segments, with its path: `segments.Engaged Buyers.when`."""
    return check(segments, columns)[1]


class Rulebook:
    """Segments in a fixed order, ready to judge. It holds no state of users.

    A user enters a segment when `when` is true and `leave_when` is not. One who is in leaves
    when `leave_when` is true, or, without a `leave_when`, when `when` is not; but not before
    `min_dwell` is over. Unknown is not true.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        columns: Mapping[str, FeatureColumn],
        *,
        step_us: int,
        version: int,
    ) -> None:
        self.version = version
        self.names = tuple(segment.name for segment in segments)
        self._circuit = Circuit(_conditions(segments))
        self._rules = [_rule(segment, self._circuit) for segment in segments]
        self._when = np.array([rule.when.literal for rule in self._rules], np.intp)
        leaving = [rule.leave_when.literal for rule in self._rules if rule.leave_when]
        self._leave_when = np.array(leaving, np.intp)
        self._with_leave = _indices(rule.leave_when is not None for rule in self._rules)
        self._with_dwell = _indices(rule.min_dwell_us > 0 for rule in self._rules)
        dwells = np.array([rule.min_dwell_us for rule in self._rules], np.int64)
        self._dwells_us = dwells[self._with_dwell].reshape(-1, 1)
        # Once in, `when` no longer matters where there is a `leave_when`.
        always = Crossings.of((segment.leave_when or segment.when for segment in segments), columns)
        entry = [Crossings.of([x.when], columns) for x in segments if x.leave_when is not None]
        self._clock = Clock(always, step_us)
        self._entry_clock = GatedClock(entry, step_us)

    @classmethod
    def compile(
        cls,
        segments: Mapping[str, SegmentSpec],
        columns: Mapping[str, FeatureColumn],
        *,
        step_us: int,
        version: int,
    ) -> Rulebook:
        """Check and compile segments over these columns.

        `step_us` is how often ages count that are computed with; `version` is kept as it is.

        Raises:
            ConfigError: with every mistake in the segments.
        """
        checked, found = check(segments, columns)
        if found:
            raise ConfigError("the rulebook", found)
        return cls(checked, columns, step_us=step_us, version=version)

    def judge(self, frame: Frame, member: Bools, entered_us: Moments) -> Judgement:
        """Judge the n users of a frame, of whom it is known which segments they were in.

        `member` is bool[n, s] and `entered_us` int64[n, s], as the last judgement left them.
        """
        evaluation = self._circuit.evaluate(frame)
        was_member = np.ascontiguousarray(member.T)
        wanted = evaluation.truths[self._when]
        may_leave = ~wanted
        may_leave[self._with_leave] = evaluation.truths[self._leave_when]
        over_us = entered_us.T[self._with_dwell] + self._dwells_us
        held = may_leave[self._with_dwell] & was_member[self._with_dwell] & (over_us > frame.now_us)
        leaving = may_leave.copy()
        leaving[self._with_dwell] &= ~held
        is_member = (was_member > leaving) | (wanted > may_leave)
        return Judgement(
            member=np.ascontiguousarray(is_member.T),
            entered_us=_entered_us(entered_us, is_member > was_member, frame),
            due_us=self._due_us(frame, is_member, np.where(held, over_us, NEVER)),
            rules=self._rules,
            evaluation=evaluation,
            was_member=was_member,
            may_leave=may_leave,
        )

    def _due_us(self, frame: Frame, is_member: Bools, dwell_over_us: Moments) -> Moments:
        due = self._clock.next_change_us(frame)
        entry = self._entry_clock.next_change_us(frame, ~is_member[self._with_leave])
        np.minimum(due, entry, out=due)
        return np.minimum(due, dwell_over_us.min(axis=0, initial=NEVER))


def _entered_us(entered_us: Moments, entering: Bools, frame: Frame) -> Moments:
    result = entered_us.copy()
    # One dimension is ten times as fast as nonzero with two.
    segments, users = np.divmod(np.flatnonzero(entering), max(len(frame), 1))
    result[users, segments] = frame.now_us[users]
    return result


def _conditions(segments: Iterable[Segment]) -> list[Condition]:
    both = ((segment.when, segment.leave_when) for segment in segments)
    return [condition for pair in both for condition in pair if condition is not None]


def _rule(segment: Segment, circuit: Circuit) -> Rule:
    when = Reason.of(segment.when, circuit)
    if segment.leave_when is None:
        return Rule(when, None, segment.min_dwell_us)
    return Rule(when, Reason.of(segment.leave_when, circuit), segment.min_dwell_us)


def _indices(flags: Iterable[bool]) -> NDArray[np.intp]:
    return np.flatnonzero(np.fromiter(flags, bool))
