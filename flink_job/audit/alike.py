"""Over-segmentation: groups that are the same within a margin, and not just not different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from flink_job.audit.comparing import ComparedPair, against_each_other
from flink_job.audit.corrections import holm
from flink_job.audit.equivalence import in_all, overlap, two_one_sided
from flink_job.audit.findings import Question, SameFound
from flink_job.audit.groups import AuditedGroup
from flink_job.audit.measures import AuditMeasure
from operators.base.arrays import Floats


def same(
    groups: Sequence[AuditedGroup], measures: Sequence[AuditMeasure], question: Question
) -> list[SameFound]:
    """Each two groups that have the same members, or members who bring the same in all measures.

    p of the latter is corrected for all pairs, by Holm's way: each alarm is a proposal.
    """
    pairs = list(against_each_other(groups, question))
    p = holm(_differ(pairs, measures, question.margin)) if pairs else np.zeros(0)
    differ = {(pair.group, pair.other): each for pair, each in zip(pairs, p.tolist(), strict=True)}
    names = [str(each) for each in measures]
    return list(_found(groups, differ, names, question))


def _found(
    groups: Sequence[AuditedGroup],
    differ: dict[tuple[str, str], float],
    measures: list[str],
    question: Question,
) -> Iterator[SameFound]:
    for group, other in combinations(groups, 2):
        smaller = min(group.members.users, other.members.users)
        if smaller < question.fewest:
            continue
        names = group.name, other.name
        shared, low = _overlap(group, other, question.alpha)
        p = differ.get(names)
        if low >= question.overlap:
            yield SameFound(*names, "members", shared, low, p, measures)
        elif p is not None and p <= question.alpha:
            yield SameFound(*names, "behaviour", shared, low, p, measures)


def _overlap(group: AuditedGroup, other: AuditedGroup, alpha: float) -> tuple[float, float]:
    """Of a range of cohorts the two may count differently who is in both: the fewer count."""
    shared = float(min(group.shared_with(other).users, other.shared_with(group).users))
    either = group.members.users + other.members.users - shared
    share, low = overlap(np.array([shared]), np.array([either]), alpha)
    return float(share[0]), float(low[0])


def _differ(
    pairs: Sequence[ComparedPair], measures: Sequence[AuditMeasure], margin: float
) -> Floats:
    """p of each pair differing by the margin in any measure, float64[pairs].

    The margin is a part of what both come to together. A measure that is 0 in both says nothing,
    and where all are, so does the audit: p is 1.
    """
    told: list[Floats] = []
    nothing = np.ones(len(pairs), np.bool_)
    for measure in measures:
        found = measure.pairs([(each.users, each.other_users) for each in pairs])
        users = found.users + found.other_users
        level = (found.level * found.users + found.other_level * found.other_users) / users
        p = two_one_sided(found, margin * np.abs(level))
        told.append(np.where(level != 0, p, 0.0))
        nothing &= level == 0
    together: Floats = in_all(told) if told else np.ones(len(pairs))
    return np.where(nothing, 1.0, together)
