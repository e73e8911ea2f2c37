"""Whether when users came, or what they came with, turns how groups differ from all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.audit.cohorts import together
from flink_job.audit.findings import Question, StrataFound
from flink_job.audit.groups import STRATUM, AuditedGroup
from flink_job.audit.measures import AuditMeasure, as_table
from flink_job.audit.proportions import Shares
from flink_job.audit.sequential import pairs_of
from flink_job.audit.strata import mantel_haenszel, reverses, within_strata
from operators.contracts.outcomes import Cohort

_FEWEST_IN_A_STRATUM: Final = 2  # on each side: of one user no variance is known


@dataclass(frozen=True)
class _Strata:
    """A group and all others in some strata, `by` which they are told apart."""

    group: str
    by: str
    sides: Sequence[tuple[Cohort, Cohort]]

    @property
    def total(self) -> tuple[Cohort, Cohort]:
        """Both sides over all strata."""
        first, second = zip(*self.sides, strict=True)
        return together(first), together(second)


def stratified(
    groups: Sequence[AuditedGroup],
    measures: Sequence[AuditMeasure],
    question: Question,
    told_apart_by: str = STRATUM,
) -> list[StrataFound]:
    """Every group with strata enough, in every measure in which anything happened.

    Users are `told_apart_by` a property, besides the periods in which they came.
    """
    names = {STRATUM: told_apart_by}
    return [
        _found(strata, measure, question)
        for group in groups
        for by, cells in group.strata.items()
        for strata in _enough(group.name, names.get(by, by), cells, question.fewest)
        for measure in measures
        if any(map(measure.of, strata.total))
    ]


def _enough(
    group: str, by: str, cells: Mapping[str, tuple[Cohort, Cohort]], fewest: int
) -> Iterator[_Strata]:
    """The strata with users on both sides; none if there is one only, or users are too few."""
    sides = [
        (members, others)
        for members, others in cells.values()
        if min(members.users, others.users) >= _FEWEST_IN_A_STRATUM
    ]
    strata = _Strata(group, by, sides)
    if len(sides) > 1 and min(each.users for each in strata.total) >= fewest:
        yield strata


def _found(strata: _Strata, measure: AuditMeasure, question: Question) -> StrataFound:
    whole, parts = measure.pairs([strata.total]), measure.pairs(strata.sides)
    low, high = (float(each[0]) for each in whole.interval(question.alpha))
    worth = pairs_of(parts.users, parts.other_users)
    within = within_strata(parts.difference, parts.error, worth)
    within_low, within_high = within.interval(question.alpha)
    tested = mantel_haenszel(as_table(parts)) if isinstance(parts, Shares) else None
    known = tested is not None and np.isfinite(tested.odds_ratio)
    return StrataFound(
        *(strata.group, strata.by, measure.outcome, measure.kind, len(strata.sides)),
        *(float(whole.difference[0]), low, high),
        *(within.difference, within_low, within_high),
        odds_ratio=tested.odds_ratio if tested and known else None,
        p=tested.p if tested else None,
        reverses=reverses((low, high), (within_low, within_high)),
    )
