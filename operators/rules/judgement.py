"""The outcome of judging some users, and the why of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.durations import format_duration
from operators.frame import Moments
from operators.pages.layout import Rows
from operators.pages.sets import Ints
from operators.rules.cells import Bools
from operators.rules.circuit import Case, Evaluation
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
    `NEVER` if none can. The rest serves `why`.
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

    def cases(self, positions: Ints) -> list[tuple[Case, ...]]:
        """What `why` needs to know of the users at these positions: a case of each stratum."""
        return list(zip(*(each.cases(positions) for each in self.evaluations), strict=True))

    def why(self, cases: tuple[Case, ...], index: int) -> list[str]:
        """What decided about a user, given by the cases, and the segment of an index.

        For a member what keeps it in, for who has just left what made it leave, and nothing
        for who was out before. Reads the frame that was judged, which must not have changed
        since.
        """
        rule = self.rules[index]
        case = cases[rule.stratum]
        if self.member[index, case.at]:
            if rule.when is None:
                return ["the segment is paused"]
            return self._why_in(rule, rule.when, case, index)
        if self.was_member[index, case.at] and rule.when is not None:
            return self._why_out(rule, rule.when, case, index)
        return []

    def _why_in(self, rule: Rule, when: Reason, case: Case, index: int) -> list[str]:
        segment, at = rule.segment, case.at
        held = bool(self.round.may_leave[index, at])
        found: list[str] = []
        if self._is_listed(rule, at):
            found.append("listed as a member")
        elif case.truth(when.literal):
            found += explain(when, case)
        elif rule.leave_when and not held:
            found += explain(rule.leave_when, case)
        if held:
            found.append(f"min_dwell {format_duration(segment.min_dwell_us)} is not over")
        if segment.cooldown_us and self.round.words[at, index] < NEVER_IN:
            found.append(f"cooldown {format_duration(segment.cooldown_us)} is over")
        return found

    def _why_out(self, rule: Rule, when: Reason, case: Case, index: int) -> list[str]:
        segment, at = rule.segment, case.at
        now_us = self.round.frame.now_us[at]
        if self.round.inside[index, at]:
            return [f"held out, as {segment.holdout * 100:.6g}% of the users are"]
        if segment.closes and now_us >= segment.closes.at_us:
            return [f"until {segment.closes.text} is over"]
        if segment.opens and now_us < segment.opens.at_us:
            return [f"from {segment.opens.text} is not yet"]
        winner = next((x for x in rule.rivals if self.round.inside[x, at]), None)
        if winner is not None and not self.round.may_leave[index, at]:
            first = self.rules[winner].segment.name
            return [f"{first} comes first in the group {segment.group}"]
        if segment.when is None:
            return ["no longer listed as a member"]
        return explain(rule.leave_when or when, case)

    def _is_listed(self, rule: Rule, at: int) -> bool:
        users = rule.segment.users
        return bool(users) and self.round.crowd.user(at) in users
