"""Differences: of each group from all others, and of each two from each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from msgspec.structs import replace

from flink_job.audit.cohorts import without
from flink_job.audit.contingency import two_by_two
from flink_job.audit.corrections import adjusted
from flink_job.audit.findings import DifferenceFound, Question, Sides
from flink_job.audit.groups import AuditedGroup
from flink_job.audit.measures import AuditMeasure, as_table
from flink_job.audit.proportions import Shares
from flink_job.audit.welch import Means
from operators.base.arrays import Floats
from operators.contracts.outcomes import Cohort

EVERYONE: Final = "everyone else"

Contained = Mapping[str, Collection[str]]  # by segment: the outcomes that its condition asks for


@dataclass(frozen=True)
class ComparedPair:
    """Users of a group and of another one, none in both."""

    group: str
    other: str
    sides: Sides
    users: Cohort
    other_users: Cohort


@dataclass(frozen=True)
class _Tested:
    """A measure of n pairs: effect and p of each, float64[n], and by which test."""

    effect: Floats
    p: Floats
    tests: list[str]


def differences(
    groups: Sequence[AuditedGroup],
    measures: Sequence[AuditMeasure],
    question: Question,
    contained: Contained,
) -> list[DifferenceFound]:
    """Every comparison that there are users for, corrected for all of them."""
    pairs = [*against_others(groups, question), *against_each_other(groups, question)]
    found = [each for measure in measures for each in _differences(pairs, measure, question)]
    corrected = adjusted(np.array([each.p for each in found]), question.correction).tolist()
    return [
        _judged(each, p, question.alpha, contained)
        for each, p in zip(found, corrected, strict=True)
    ]


def against_others(groups: Sequence[AuditedGroup], question: Question) -> Iterator[ComparedPair]:
    """The members of each group, and all who never entered it."""
    for group in groups:
        if min(group.members.users, group.others.users) >= question.fewest:
            yield ComparedPair(group.name, EVERYONE, "everyone", group.members, group.others)


def against_each_other(
    groups: Sequence[AuditedGroup], question: Question
) -> Iterator[ComparedPair]:
    """Each two groups, without those who are in both.

    Where nearly all of one are in the other, all of it against the other without it.
    """
    for group, other in combinations(groups, 2):
        yield from _apart(group, other, question.fewest)


def _apart(group: AuditedGroup, other: AuditedGroup, fewest: int) -> Iterator[ComparedPair]:
    alone = without(group.members, group.shared_with(other))
    other_alone = without(other.members, other.shared_with(group))
    names = group.name, other.name
    if min(alone.users, other_alone.users) >= fewest:
        yield ComparedPair(*names, "each without the other", alone, other_alone)
    elif min(group.members.users, other_alone.users) >= fewest:
        yield ComparedPair(*names, "within", group.members, other_alone)
    elif min(alone.users, other.members.users) >= fewest:
        yield ComparedPair(*names, "within", alone, other.members)


def _differences(
    pairs: Sequence[ComparedPair], measure: AuditMeasure, question: Question
) -> Iterator[DifferenceFound]:
    told = [each for each in pairs if measure.of(each.users) or measure.of(each.other_users)]
    if not told:
        return
    compared = measure.pairs([(each.users, each.other_users) for each in told])
    tested = _tested(compared)
    numbers = [
        *(compared.level, compared.other_level, *compared.interval(question.alpha)),
        *(compared.difference, tested.effect, tested.p),
    ]
    columns = [*(each.tolist() for each in numbers), tested.tests]
    for pair, *row in zip(told, *columns, strict=True):
        of_group, of_other, low, high, difference, effect, p, test = row
        yield DifferenceFound(
            *(pair.group, pair.other, pair.sides, measure.outcome, measure.kind),
            *(pair.users.users, pair.other_users.users, of_group, of_other),
            *(difference, low, high, effect, test, p),
            adjusted=1.0,
            differs=False,
            by_definition=False,
        )


def _tested(pairs: Shares | Means) -> _Tested:
    if isinstance(pairs, Means):
        return _Tested(pairs.cohens_d, pairs.p(), ["Welch's t"] * len(pairs.users))
    found = two_by_two(as_table(pairs))
    tests = ["Fisher's exact" if exact else "chi-squared" for exact in found.exact.tolist()]
    return _Tested(found.cramers_v, found.p, tests)


def _judged(
    found: DifferenceFound, p: float, alpha: float, contained: Contained
) -> DifferenceFound:
    asked = {*contained.get(found.group, ()), *contained.get(found.other, ())}
    return replace(found, adjusted=p, differs=p <= alpha, by_definition=found.outcome in asked)
