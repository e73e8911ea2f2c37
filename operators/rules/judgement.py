"""The outcome of judging some users, and the why of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.base.durations import format_duration
from operators.rules.circuit import Evaluation, by_column
from operators.rules.explain import ConditionReason, Told, explain
from operators.rules.segment import Segment
from operators.rules.standing import NEVER_IN
from operators.rules.stratum import Round


@dataclass(frozen=True, slots=True)
class Rule:
    """One segment as it is judged: in which stratum, and the indices of others of its group.

    `when` is None for a paused one, which is not judged. `atoms` are the comparisons to be told
    of a member who fits `when`; none where more may have to be said.
    """

    segment: Segment
    when: ConditionReason | None
    leave_when: ConditionReason | None
    atoms: tuple[ConditionReason, ...]
    stratum: int
    rivals: tuple[int, ...]


@dataclass(frozen=True)
class Changes:
    """Who stands otherwise to which segment than before: three arrays of equal length."""

    segments: Rows
    users: Rows  # positions among those judged
    standings: Moments  # see `standing`


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
    was_member: Mask  # bool[s, n]
    evaluations: Sequence[Evaluation]  # of each stratum

    @property
    def member(self) -> Mask:
        """Who counts as a member, bool[s, n]."""
        return self.round.member

    @property
    def held_out(self) -> Mask:
        """Who would be a member but for the holdout, bool[s, n]."""
        held: Mask = self.round.inside & ~self.round.member
        return held

    def people(self, positions: Ints) -> list[Person]:
        """The users at these positions, to be asked for the why.

        They read the frame that was judged, which must not have changed since.
        """
        told = zip(*(map(Told, each.cases(positions)) for each in self.evaluations), strict=True)
        fits = self.member & self.round.wanted & ~self.round.may_leave
        columns = zip(positions.tolist(), told, by_column(fits, positions), strict=True)
        return [Person(self, *each) for each in columns]


@dataclass(slots=True)
class Person:
    """One of the users judged, at a position.

    `told` has one for each stratum, `fits` a byte for each segment: 1 for a member who fits
    `when` and does not want to leave.
    """

    judgement: Judgement
    at: int
    told: tuple[Told, ...]
    fits: bytes

    def whys(self, indices: Iterable[int]) -> list[list[str]]:
        """What decided about the user and each of these segments: see `why`."""
        fits, rules = self.fits, self.judgement.rules
        texts = [told.__getitem__ for told in self.told]
        found = []
        for index in indices:
            rule = rules[index]
            if fits[index] and rule.atoms:  # as is most often so: told without detours
                found.append([*map(texts[rule.stratum], rule.atoms)])
            else:
                found.append(self.why(index))
        return found

    def why(self, index: int) -> list[str]:
        """What decided about the user and the segment of an index.

        For a member what keeps it in, for who has just left what made it leave, and nothing
        for who was out before.
        """
        judgement, at = self.judgement, self.at
        rule, is_member = judgement.rules[index], judgement.member[index, at]
        if rule.when is None:  # nothing is decided while a segment is paused
            return ["the segment is paused"] if is_member else []
        if is_member:
            return self._why_in(rule, rule.when, index)
        if not judgement.was_member[index, at]:
            return []
        if rule.segment.retired:
            return ["the segment was deleted"]
        return self._why_out(rule, rule.when, index)

    def _why_in(self, rule: Rule, when: ConditionReason, index: int) -> list[str]:
        segment, told, round_ = rule.segment, self.told[rule.stratum], self.judgement.round
        held = round_.may_leave[index, self.at]
        if segment.users and round_.users.user(self.at) in segment.users:
            found = ["listed as a member"]
        elif told.case.truths[when.literal]:
            found = explain(when, told)
        else:
            found = explain(rule.leave_when, told) if rule.leave_when and not held else []
        if held:
            found.append(f"min_dwell {format_duration(segment.min_dwell_us)} is not over")
        if segment.cooldown_us and round_.standings[self.at, index] < NEVER_IN:
            found.append(f"cooldown {format_duration(segment.cooldown_us)} is over")
        return found

    def _why_out(self, rule: Rule, when: ConditionReason, index: int) -> list[str]:
        segment, round_, at = rule.segment, self.judgement.round, self.at
        if round_.inside[index, at]:
            return [f"held out, as {segment.holdout * 100:.6g}% of the users are"]
        now_us = round_.frame.now_us[at]
        if segment.closes and now_us >= segment.closes.at_us:
            return [f"until {segment.closes.text} is over"]
        if segment.opens and now_us < segment.opens.at_us:
            return [f"from {segment.opens.text} is not yet"]
        winner = next((x for x in rule.rivals if round_.inside[x, at]), None)
        if winner is not None and not round_.may_leave[index, at]:
            first = self.judgement.rules[winner].segment.name
            return [f"{first} comes first in the group {segment.group}"]
        if segment.when is None:
            return ["no longer listed as a member"]
        return explain(rule.leave_when or when, self.told[rule.stratum])
