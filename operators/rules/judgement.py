"""The outcome of judging some users, and the why of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.durations import format_duration
from operators.frame import Moments
from operators.rules.cells import Bools
from operators.rules.circuit import Case, Evaluation
from operators.rules.explain import Reason, explain


@dataclass(frozen=True, slots=True)
class Rule:
    """One segment as it is judged."""

    when: Reason
    leave_when: Reason | None
    min_dwell_us: int


@dataclass(frozen=True)
class Judgement:
    """Who of n users is in which of s segments now.

    `member` is bool[n, s]. `entered_us` is int64[n, s], the moment of entering; it means
    nothing for whom is no member. `due_us` is int64[n], the earliest moment after now at which
    time alone may change that, `NEVER` if none can. The rest serves `why`.
    """

    member: Bools
    entered_us: Moments
    due_us: Moments
    rules: Sequence[Rule]
    evaluation: Evaluation
    was_member: Bools  # bool[s, n]
    may_leave: Bools  # bool[s, n]: the condition to leave is met, whatever the dwell says

    def why(self, case: Case, segment: int) -> list[str]:
        """What decided about the user of a case and the segment of an index.

        For a member the comparisons that keep it in, for who has just left those that made it
        leave, and nothing for who was out before. Reads the frame that was judged, which must
        not have changed since.
        """
        rule = self.rules[segment]
        if self.member[case.at, segment]:
            return self._why_in(rule, case, held=bool(self.may_leave[segment, case.at]))
        if self.was_member[segment, case.at]:
            return explain(rule.leave_when or rule.when, case)
        return []

    def _why_in(self, rule: Rule, case: Case, held: bool) -> list[str]:
        found: list[str] = []
        if case.truth(rule.when.literal):
            found += explain(rule.when, case)
        elif rule.leave_when and not held:
            found += explain(rule.leave_when, case)
        if held:
            found.append(f"min_dwell {format_duration(rule.min_dwell_us)} not over")
        return found
