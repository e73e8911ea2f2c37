"""Whether results are right, before anything is said of how fast they came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from flink_job.plan import Plan
from flink_job.queries.changelog_reading import opened
from flink_job.queries.numbered import audiences_of, users_of
from flink_job.queries.recorded import Recorded
from flink_job.queries.verifying import verify
from flink_job.stores.audiences import segment_audience
from flink_job.stores.base import StoreReader
from tests.benchmarks.room import BadAnswerError
from tests.benchmarks.workloads.workload import Tally

_T = TypeVar("_T")


def check_answers(
    plan: Plan,
    tally: Tally | None = None,
    segments: Iterable[str] = (),
    store: StoreReader | None = None,
) -> Recorded:
    """As `flockwise verify` does; and that some segments have the members that a tally tells.

    Raises:
        BadAnswerError: results contradict each other, or the events.
    """
    with opened(plan) as changelog:
        report = verify(plan, changelog, store, _unheard)
    if report.findings.faults:
        kind, found = next(iter(report.findings.faults.items()))
        raise BadAnswerError(f"results are inconsistent: {kind}, {len(found):,} times")
    if tally is not None:
        for segment in segments:
            _check_members(report.recorded, segment, tally)
    return report.recorded


def members(recorded: Recorded, segment: str) -> set[str]:
    """Who is in a segment by the newest assignments."""
    pairs = recorded.memberships()[:, 0]
    own = pairs[audiences_of(pairs) == recorded.audiences.number(segment_audience(segment))]
    return {recorded.users.text(user) for user in np.unique(users_of(own)).tolist()}


def _check_members(recorded: Recorded, segment: str, tally: Tally) -> None:
    wrong = (members(recorded, segment) ^ tally.members(segment)) - tally.doubtful()
    if wrong:
        raise BadAnswerError(f"{len(wrong):,} users are wrongly in {segment}, or wrongly not")


def _unheard(read: Iterable[_T], _what: str) -> Iterable[_T]:
    return read
