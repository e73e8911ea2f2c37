"""Cohorts added up, and taken from each other: all that is published of them are sums."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from operators.contracts.outcomes import Cohort, UserOutcome

NOTHING = UserOutcome()


def together(cohorts: Iterable[Cohort]) -> Cohort:
    """Several cohorts, of different users, as one."""
    total = Cohort()
    for each in cohorts:
        total = _combined(total, each, 1)
    return total


def without(cohort: Cohort, part: Cohort) -> Cohort:
    """A cohort less some of its users, each counted since the same moment in both."""
    return _combined(cohort, part, -1)


def _combined(cohort: Cohort, other: Cohort, sign: int) -> Cohort:
    names = {**cohort.outcomes, **other.outcomes}
    return Cohort(
        users=cohort.users + sign * other.users,
        outcomes={
            name: _outcome(
                cohort.outcomes.get(name, NOTHING), other.outcomes.get(name, NOTHING), sign
            )
            for name in names
        },
        retained=[
            here + sign * there
            for here, there in zip_longest(cohort.retained, other.retained, fillvalue=0)
        ],
    )


def _outcome(here: UserOutcome, there: UserOutcome, sign: int) -> UserOutcome:
    return UserOutcome(
        converted=here.converted + sign * there.converted,
        conversions=here.conversions + sign * there.conversions,
        value=here.value + sign * there.value,
        squares=here.squares + sign * there.squares,
    )
