"""The outcome of judging some users, and the why of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.durations import format_duration
from operators.frame import Moments
from operators.pages.layout import Rows
from operators.pages.sets import Ints
from operators.rules.cells import Bools
from operators.rules.circuit import Case, Evaluation, by_column
from operators.rules.explain import Reason, explain
from operators.rules.segment import Segment
from operators.rules.standing import NEVER_IN
from operators.rules.stratum import Round


@dataclass(frozen=True, slots=True)
class Rule:
    """One segment as it is judged: in which stratum, and the indices of others of its group.

    `when` is None for a paused one, which is not judged.
    """

    segment: Segment
    when: Reason | None
    leave_when: Reason | None
    stratum: int
    rivals: tuple[int, ...]


@dataclass(frozen=True)
class Changes:
    """Who stands otherwise to which segment than before: three arrays of equal length."""

    segments: Rows
    users: Rows  # positions among those judged
    words: Moments  # see `standing`


@dataclass(frozen=True)
class Judgement:
    """Who of n users is in which of s segments now.

    `due_us` is int64[n], the earliest moment after now at which time alone may change that,
    `NEVER` if none can. The rest serves the why.
    """

    changes: Changes
    due_us: Moments
    rules: Sequence[Rule]
    round: Round
    was_member: Bools  # bool[s, n]
    evaluations: Sequence[Evaluation]  # of each stratum

    @property
    def member(self) -> Bools:
        """Who counts as a member, bool[s, n]."""
        return self.round.member

    @property
    def held_out(self) -> Bools:
        """Who would be a member but for the holdout, bool[s, n]."""
        held: Bools = self.round.inside & ~self.round.member
        return held

    def people(self, positions: Ints) -> list[Person]:
        """The users at these positions, to be asked for the why.

        They read the frame that was judged, which must not have changed since.
        """
        columns = (self.member, self.was_member, self.round.inside, self.round.may_leave)
        flags = (by_column(column, positions) for column in columns)
        cases = zip(*(each.cases(positions) for each in self.evaluations), strict=True)
        return [Person(self, *each) for each in zip(cases, *flags, strict=True)]


@dataclass(slots=True)
class Person:
    """One of the users judged.

    `cases` has a case for each stratum, the flags have a byte for each segment.
    """

    judgement: Judgement
    cases: tuple[Case, ...]
    member: bytes
    was_member: bytes
    inside: bytes
    may_leave: bytes

    def why(self, index: int) -> list[str]:
        """What decided about the user and the segment of an index.

        For a member what keeps it in, for who has just left what made it leave, and nothing
        for who was out before.
        """
        rule = self.judgement.rules[index]
        if rule.when is None:  # nothing is decided while a segment is paused
            return ["the segment is paused"] if self.member[index] else []
        if self.member[index]:
            return self._why_in(rule, rule.when, index)
        if self.was_member[index]:
            return self._why_out(rule, rule.when, index)
        return []

    def _why_in(self, rule: Rule, when: Reason, index: int) -> list[str]:
        segment, case, held = rule.segment, self.cases[rule.stratum], self.may_leave[index]
        if segment.users and self.judgement.round.crowd.user(case.at) in segment.users:
            found = ["listed as a member"]
        elif case.truths[when.literal]:
            found = explain(when, case)
        else:
            found = explain(rule.leave_when, case) if rule.leave_when and not held else []
        if held:
            found.append(f"min_dwell {format_duration(segment.min_dwell_us)} is not over")
        if segment.cooldown_us and self.judgement.round.words[case.at, index] < NEVER_IN:
            found.append(f"cooldown {format_duration(segment.cooldown_us)} is over")
        return found

    def _why_out(self, rule: Rule, when: Reason, index: int) -> list[str]:
        segment, case = rule.segment, self.cases[rule.stratum]
        if self.inside[index]:
            return [f"held out, as {segment.holdout * 100:.6g}% of the users are"]
        now_us = case.frame.now_us
        if segment.closes and now_us[case.at] >= segment.closes.at_us:
            return [f"until {segment.closes.text} is over"]
        if segment.opens and now_us[case.at] < segment.opens.at_us:
            return [f"from {segment.opens.text} is not yet"]
        winner = next((x for x in rule.rivals if self.inside[x]), None)
        if winner is not None and not self.may_leave[index]:
            first = self.judgement.rules[winner].segment.name
            return [f"{first} comes first in the group {segment.group}"]
        if segment.when is None:
            return ["no longer listed as a member"]
        return explain(rule.leave_when or when, case)
