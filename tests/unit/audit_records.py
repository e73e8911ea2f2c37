"""Records of outcomes as a job would have published them, for tests of what reads them."""

from __future__ import annotations

from typing import Any, Final

from operators.contracts.outcomes import Cohort, CohortOutcomes, UserOutcome

WEEK: Final = "2026-11-02"


def of_users(users: int, converted: int, each: float = 10.0, **named: int) -> Cohort:
    """Users of whom some have bought once, for `each`; `named` are those of other outcomes."""
    bought = UserOutcome(converted, converted, converted * each, converted * each**2)
    more = {name: UserOutcome(number, number) for name, number in named.items()}
    return Cohort(users=users, outcomes={"purchase": bought, **more})


def cohort(name: str, members: Cohort, others: Cohort, **more: Any) -> CohortOutcomes:
    """The record of a segment's first definition, and of one week."""
    given = {"series": "first", "cohort": WEEK, **more}
    return CohortOutcomes(name=name, members=members, others=others, **given)
