"""What the demo's segments are worth: who bought since they came in, against everyone else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.markup import escape
from rich.table import Table

from flink_job.plan import Plan
from flink_job.queries.outcomes import published_outcomes
from operators.contracts.outcomes import Cohort, CohortOutcomes

_OUTCOME: Final = "purchase"  # of the demo's configuration


@dataclass
class _Brought:
    """What all users of some cohorts brought together."""

    users: int = 0
    converted: int = 0
    value: float = 0.0

    def add(self, cohort: Cohort) -> None:
        self.users += cohort.users
        if (own := cohort.outcomes.get(_OUTCOME)) is not None:
            self.converted += own.converted
            self.value += own.value

    def cells(self) -> tuple[str, str, str]:
        """How many they are, the share that bought, and the value for each of them."""
        if not self.users:
            return "-", "-", "-"
        share, value = self.converted / self.users, self.value / self.users
        return f"{self.users:,}", f"{share:.1%}", f"{value:,.2f}"


def worth(plan: Plan) -> Table:
    """The segments of the demo, each beside everyone who never came into it."""
    table = Table(title="What segments are worth", title_justify="left")
    table.add_column("segment")
    for name in ("came in", "bought since", "worth since", "others", "bought", "worth"):
        table.add_column(name, justify="right")
    cohorts = [each for each in published_outcomes(plan) if isinstance(each, CohortOutcomes)]
    for segment in plan.config.segments:
        members, others = _Brought(), _Brought()
        for each in cohorts:
            if each.name == segment:
                members.add(each.members)
                others.add(each.others)
        table.add_row(escape(segment), *members.cells(), *others.cells())
    return table
