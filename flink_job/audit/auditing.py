"""The whole audit: from what is published of outcomes to what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy import special

from flink_job.audit.alike import same
from flink_job.audit.comparing import Contained, differences
from flink_job.audit.findings import (
    Audit,
    AuditedMeasure,
    Doubt,
    GroupFound,
    Question,
    SameFound,
)
from flink_job.audit.groups import STRATUM, AuditedGroup, CohortRange, audited_groups
from flink_job.audit.holdouts import lifts, ratios
from flink_job.audit.measures import AuditMeasure, measures_of
from flink_job.audit.merging import proposed
from flink_job.audit.stratified import stratified
from operators.contracts.outcomes import OutcomeRecord
from operators.rules.spec import SegmentSpec

_POWER: Final = 0.8
_FEWEST_ALIKE: Final = 3  # groups that all show the same number: fewer may do so by chance


@dataclass(frozen=True)
class AuditedConfiguration:
    """What of a configuration an audit goes by.

    `contained` are by segment the outcomes that its condition asks for, `holdouts` the shares from
    0 to 1 that are held out, `told_apart_by` the property of the strata.
    """

    segments: Mapping[str, SegmentSpec] = field(default_factory=dict)
    contained: Contained = field(default_factory=dict)
    holdouts: Mapping[str, float] = field(default_factory=dict)
    told_apart_by: str = STRATUM


def audit(
    records: Iterable[OutcomeRecord], question: Question, configured: AuditedConfiguration
) -> Audit:
    """Compare all groups of which records tell, each key once."""
    groups = audited_groups(records, CohortRange(question.first, question.last))
    measures = measures_of([x for each in groups for x in (each.members, each.others)])
    found = [_group(each, measures, question) for each in groups]
    compared = [each for each in groups if each.members.users >= question.fewest]
    told = ratios(groups, configured.holdouts)
    wrong = {each.group for each in told if each.wrong}
    return Audit(
        question,
        groups=found,
        differences=differences(compared, measures, question, configured.contained),
        strata=stratified(compared, measures, question, configured.told_apart_by),
        lifts=lifts(compared, measures, question, wrong),
        ratios=told,
        same=_proposals(same(compared, measures, question), configured.segments),
        doubts=[Doubt(text) for text in _doubts(found, measures)],
    )


def _group(group: AuditedGroup, measures: Sequence[AuditMeasure], question: Question) -> GroupFound:
    return GroupFound(
        *(group.name, group.series),
        *(group.members.users, group.held_out.users, group.others.users),
        small=group.members.users < question.fewest,
        detectable=_detectable(group, measures, question.alpha),
        measures=[
            AuditedMeasure(
                *(each.outcome, each.kind, each.of(group.members)),
                each.of(group.held_out) if group.held_out.users else None,
                each.of(group.others),
            )
            for each in measures
        ],
    )


def _detectable(
    group: AuditedGroup, measures: Sequence[AuditMeasure], alpha: float
) -> float | None:
    """By the usual formula of two shares, at the share that all others have."""
    users, others = group.members.users, group.others.users
    share = measures[0].of(group.others) if measures else 0.0
    if not users or not others or share <= 0:
        return None
    z = special.ndtri(1 - alpha / 2) + special.ndtri(_POWER)
    return float(z * np.sqrt(share * (1 - share) * (1 / users + 1 / others)))


def _proposals(found: Sequence[SameFound], segments: Mapping[str, SegmentSpec]) -> list[SameFound]:
    return [proposed(each, segments) for each in found]


def _doubts(groups: Sequence[GroupFound], measures: Sequence[AuditMeasure]) -> Iterator[str]:
    """What looks like a mistake in what is measured, and not like a finding."""
    for at, measure in enumerate(measures):
        told = [each.measures[at].members for each in groups if each.users]
        if not any(told) and not any(each.measures[at].others for each in groups):
            yield f"{measure.outcome} has not happened to anybody: are its events what they are?"
        elif len(told) >= _FEWEST_ALIKE and len(set(told)) == 1:
            yield f"{measure} is the same number in all {len(told)} groups: is it theirs?"
