"""What is compared of two groups of users: the share that converted, and the value of a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from flink_job.audit.cohorts import NOTHING
from flink_job.audit.proportions import Shares
from flink_job.audit.welch import Means
from operators.base.arrays import Floats
from operators.contracts.outcomes import Cohort, UserOutcome

MeasureKind = Literal["conversion", "value"]
KINDS: Final[tuple[MeasureKind, ...]] = ("conversion", "value")


@dataclass(frozen=True)
class AuditMeasure:
    """One outcome, as the share of users who `converted` or as the `value` of a user."""

    outcome: str
    kind: MeasureKind

    def __str__(self) -> str:
        return f"{self.outcome} {'per user' if self.kind == 'value' else 'conversion'}"

    def of(self, cohort: Cohort) -> float:
        """What it is for a cohort: a share from 0 to 1, or a value; 0 without users."""
        own = self._outcome(cohort)
        total = own.value if self.kind == "value" else own.converted
        return total / cohort.users if cohort.users else 0.0

    def pairs(self, sides: Sequence[tuple[Cohort, Cohort]]) -> Shares | Means:
        """Pairs of groups as statistics take them, float64[n] each."""
        first, second = zip(*sides, strict=True)
        if self.kind == "value":
            return Means(*self._sums(first), *self._sums(second))
        return Shares(
            *(self._column(first, "converted"), _users(first)),
            *(self._column(second, "converted"), _users(second)),
        )

    def _sums(self, cohorts: Sequence[Cohort]) -> tuple[Floats, Floats, Floats]:
        return _users(cohorts), self._column(cohorts, "value"), self._column(cohorts, "squares")

    def _column(self, cohorts: Sequence[Cohort], name: str) -> Floats:
        return np.array([getattr(self._outcome(each), name) for each in cohorts], np.float64)

    def _outcome(self, cohort: Cohort) -> UserOutcome:
        return cohort.outcomes.get(self.outcome, NOTHING)


def measures_of(cohorts: Sequence[Cohort]) -> list[AuditMeasure]:
    """All that there is to compare: of each outcome conversion, and value where it has one."""
    names = sorted({name for each in cohorts for name in each.outcomes})
    valued = {name for each in cohorts for name, own in each.outcomes.items() if own.squares}
    return [
        AuditMeasure(name, kind)
        for name in names
        for kind in KINDS
        if kind == "conversion" or name in valued
    ]


def as_table(shares: Shares) -> Floats:
    """Pairs of shares as tables float64[n, 2, 2]: a row a group, a column converted and not."""
    first = np.stack([shares.converted, shares.users - shares.converted], axis=1)
    second = np.stack([shares.other_converted, shares.other_users - shares.other_converted], axis=1)
    return np.stack([first, second], axis=1)


def _users(cohorts: Sequence[Cohort]) -> Floats:
    return np.array([each.users for each in cohorts], np.float64)
