"""Whether the time at which users came explains, or turns, how groups differ from all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from flink_job.audit.cohorts import together
from flink_job.audit.findings import Question, StrataFound
from flink_job.audit.groups import AuditedGroup
from flink_job.audit.measures import AuditMeasure, as_table
from flink_job.audit.proportions import Shares
from flink_job.audit.sequential import pairs_of
from flink_job.audit.strata import mantel_haenszel, reverses, within_strata
from operators.contracts.outcomes import Cohort

_FEWEST_IN_A_STRATUM = 2  # on each side: of one user no variance is known


def stratified(
    groups: Sequence[AuditedGroup], measures: Sequence[AuditMeasure], question: Question
) -> list[StrataFound]:
    """Every group with strata enough, in every measure in which anything happened."""
    return [
        found
        for group in groups
        for measure in measures
        for found in _stratified(group, measure, question)
    ]


def _stratified(
    group: AuditedGroup, measure: AuditMeasure, question: Question
) -> Iterator[StrataFound]:
    sides = [
        (members, others)
        for members, others in group.strata.values()
        if min(members.users, others.users) >= _FEWEST_IN_A_STRATUM
    ]
    total = tuple(together(side) for side in zip(*sides, strict=True)) if len(sides) > 1 else ()
    if (
        not total
        or min(each.users for each in total) < question.fewest
        or not any(measure.of(each) for each in total)
    ):
        return
    yield _found(group, measure, sides, (total[0], total[1]), question)


def _found(
    group: AuditedGroup,
    measure: AuditMeasure,
    sides: Sequence[tuple[Cohort, Cohort]],
    total: tuple[Cohort, Cohort],
    question: Question,
) -> StrataFound:
    whole, parts = measure.pairs([total]), measure.pairs(sides)
    low, high = (float(each[0]) for each in whole.interval(question.alpha))
    worth = pairs_of(parts.users, parts.other_users)
    within = within_strata(parts.difference, parts.error, worth)
    within_low, within_high = within.interval(question.alpha)
    tested = mantel_haenszel(as_table(parts)) if isinstance(parts, Shares) else None
    known = tested is not None and np.isfinite(tested.odds_ratio)
    return StrataFound(
        *(group.name, measure.outcome, measure.kind, len(sides)),
        *(float(whole.difference[0]), low, high),
        *(within.difference, within_low, within_high),
        odds_ratio=tested.odds_ratio if tested and known else None,
        p=tested.p if tested else None,
        reverses=reverses((low, high), (within_low, within_high)),
    )
