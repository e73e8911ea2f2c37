"""All segments of a configuration, compiled: who is in which now, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from operators.base.arrays import NEVER, Mask, Moments
from operators.base.errors import ConfigError, Problem
from operators.base.frame import FeatureColumn, Frame
from operators.rules import standing
from operators.rules.checking import check
from operators.rules.course import Course, Followed
from operators.rules.explain import Reasons
from operators.rules.following import follow
from operators.rules.groups import by_group
from operators.rules.holdouts import JudgedUsers
from operators.rules.judgement import Changes, Judgement, Rule
from operators.rules.segment import Segment
from operators.rules.spec import SegmentSpec
from operators.rules.stepping import StepClock
from operators.rules.strata import in_strata
from operators.rules.stratum import Round, Stratum


def problems(
    segments: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn]
) -> list[Problem]:
    """Every mistake in these segments, with its path: `segments.Engaged Buyers.when`."""
    return check(segments, columns)[1]


class Rulebook:
    """Segments in the order in which they are judged. It holds no state of users.

    A user enters a segment when `when` is true and `leave_when` is not, unless the `cooldown`
    since leaving it is not over. One who is in leaves when `leave_when` is true, or, without a
    `leave_when`, when `when` is not; but not before `min_dwell` is over. Unknown is not true.
    Whoever is listed is in. Outside of its dates nobody is in a segment, whatever the rest
    says. Of a group a user is in the segment with the highest priority only, or in the one
    that `min_dwell` keeps. Who is held out is judged like everyone, but is no member. A paused
    segment keeps its members, and its place in a group.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        columns: Mapping[str, FeatureColumn],
        *,
        step_us: int,
        version: int,
    ) -> None:
        strata = in_strata([segment for segment in segments if not segment.paused])
        paused = [segment for segment in segments if segment.paused]
        everyone = [*(segment for stratum in strata for segment in stratum), *paused]
        firsts = [0, *accumulate(map(len, strata))]
        self.version = version
        self.names = tuple(segment.name for segment in everyone)
        self._strata = [
            Stratum(stratum, first, everyone, columns)
            for stratum, first in zip(strata, firsts, strict=False)
        ]
        judged = list(enumerate(everyone[: len(everyone) - len(paused)]))
        # Once in, `when` no longer matters where there is a `leave_when`.
        always = [x.leave_when or x.entry for _, x in judged]
        entries = [(index, x.entry) for index, x in judged if x.leave_when is not None]
        self._steps = StepClock(always, entries, step_us)
        self._rules = _rules(everyone, self._strata)

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

    def judge(self, frame: Frame, standings: Moments, users: JudgedUsers) -> Judgement:
        """Judge the n users of a frame; `users` says who they are.

        `standings` is int64[n, s]: how they stand to the segments, as the last judgement left it.
        """
        was_inside = np.ascontiguousarray(standing.inside(standings).T)
        held_out = standing.held_out(standings)
        was_member = was_inside if held_out is None else was_inside & ~held_out.T
        round_ = Round(
            frame=frame,
            users=users,
            standings=standings,
            was_inside=was_inside,
            inside=was_inside.copy(),
            member=was_member.copy(),
            wanted=np.zeros_like(was_inside),
            may_leave=np.zeros_like(was_inside),
        )
        due_us = np.full(len(frame), NEVER)
        evaluations = []
        for stratum in self._strata:
            evaluation, due_here_us = stratum.judge(round_)
            evaluations.append(evaluation)
            np.minimum(due_us, due_here_us, out=due_us)
        np.minimum(due_us, self._steps.next_us(frame, round_.inside), out=due_us)
        changes = _changes(round_, was_member)
        return Judgement(changes, due_us, self._rules, round_, was_member, evaluations)

    def next_change_us(self, frame: Frame) -> Moments:
        """When time alone next changes any condition, wherever the users stand; int64[n]."""
        next_us = self._steps.next_us(frame)
        for stratum in self._strata:
            np.minimum(next_us, stratum.next_change_us(frame), out=next_us)
        return next_us

    def follow(self, course: Course, told: Mask) -> tuple[Judgement, Followed]:
        """Judge users at many looks each: what came of it where something did.

        `told` is bool[n], of the looks that were asked for those that are told of anyway.
        """
        for stratum in self._strata:
            follow(stratum, course)
        found = course.outcome(told)
        round_ = found.round
        changes = _changes(round_, found.was_member)
        due_us = np.full(len(round_.frame), NEVER)
        return Judgement(
            changes, due_us, self._rules, round_, found.was_member, found.evaluations
        ), found


def _changes(round_: Round, was_member: Mask) -> Changes:
    """Whoever comes in, goes out, or is held out or no longer so, does it now."""
    changed = round_.inside != round_.was_inside
    changed |= round_.member != was_member
    # One dimension is ten times as fast as nonzero with two.
    segments, users = np.divmod(np.flatnonzero(changed), max(len(round_.frame), 1))
    inside, member = round_.inside[segments, users], round_.member[segments, users]
    standings = standing.standing(inside, inside & ~member, round_.frame.now_us[users])
    return Changes(segments, users, standings)


def _rules(segments: Sequence[Segment], strata: Sequence[Stratum]) -> list[Rule]:
    found = []
    reasons = [Reasons(stratum.circuit) for stratum in strata]
    places = {segment.name: index for index, segment in enumerate(segments)}
    groups = by_group(segments)
    for index, segment in enumerate(segments):
        others = [x for x in groups.get(segment.group or "", ()) if x is not segment]
        rivals = tuple(places[other.name] for other in others)
        own = (number for number, x in enumerate(strata) if x.at.start <= index < x.at.stop)
        number = next(own, None)
        if number is None:
            found.append(Rule(segment, None, None, (), 0, rivals))
            continue
        when = reasons[number].of(segment.entry)
        leaving = segment.leave_when
        leave_when = None if leaving is None else reasons[number].of(leaving)
        atoms = () if segment.users or segment.cooldown_us else when.atoms()
        found.append(Rule(segment, when, leave_when, atoms, number, rivals))
    return found
