"""Whether results are consistent: the changelog in itself, and the store with it.

A job may be at work meanwhile, so what does not agree may be a change under way: a transition is
read whose assignment is not, or a store takes a record while its rows are read. So what does not
agree is looked at again after a while, with what has come since, and again for as long as some of
it mends. What stays as it is, of the same version, is a fault.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from flink_job.plan import Plan
from flink_job.queries.changelog_reading import ChangelogReader
from flink_job.queries.consistency import Known, check_changelog
from flink_job.queries.faults import Findings
from flink_job.queries.recorded import Recorded
from flink_job.queries.store_consistency import check_store
from flink_job.queries.stored import StoredRows
from flink_job.stores.base import StoreReader
from operators.base.durations import parse_duration_us
from operators.base.moments import now_us

# Longer than a store takes to write what it was given at once.
_AGAIN_AFTER_S: Final = 2.0

_T = TypeVar("_T")


class Heard(Protocol):
    """Passes on what is read, and tells of it."""

    def __call__(self, read: Iterable[_T], what: str, /) -> Iterable[_T]:
        """The same; `what` is the plural of what is read."""


@dataclass(frozen=True)
class Report:
    """What was checked, and what came of it; `store_rows` is None without a store."""

    recorded: Recorded
    unreadable: int
    store_rows: int | None
    findings: Findings


def verify(
    plan: Plan, changelog: ChangelogReader, store: StoreReader | None, heard: Heard
) -> Report:
    """Check a plan's results.

    Raises:
        PreflightError: the changelog can't be read.
        StoreError: the store can't be read.
    """
    check = _Check(plan, changelog, store, heard)
    report = check.look()
    while report.findings.passing():
        time.sleep(_AGAIN_AFTER_S)
        before, report = report, check.look()
        still = report.findings.since(before.findings)
        mended = still.passing() < before.findings.passing()
        report = replace(report, findings=still)
        if not mended:
            break
    return report


class _Check:
    """Looks at results again and again; what was read of the changelog is not read again."""

    def __init__(
        self, plan: Plan, changelog: ChangelogReader, store: StoreReader | None, heard: Heard
    ) -> None:
        self._plan = plan
        self._changelog = changelog
        self._store = store
        self._heard = heard
        self._recorded = Recorded()

    def look(self) -> Report:
        """Compare all that there is now."""
        recorded, changelog = self._recorded, self._changelog
        recorded.read(self._heard(changelog.read_on(), "records read"))
        stored = None if self._store is None else self._stored(self._store)
        findings, known = Findings(), known_of(self._plan, changelog)
        moves = check_changelog(recorded, known, findings)
        if stored is not None:
            check_store(recorded, stored, moves, known, findings)
        rows = None if stored is None else stored.rows
        return Report(recorded, changelog.unreadable, rows, findings)

    def _stored(self, store: StoreReader) -> StoredRows:
        def rows(read: Iterable[_T]) -> Iterable[_T]:
            return self._heard(read, "rows of the store read")

        stored = StoredRows(self._recorded)
        stored.read(
            rows(store.assignments()), rows(store.all_members()), rows(store.all_transitions())
        )
        return stored


def known_of(plan: Plan, changelog: ChangelogReader) -> Known:
    """What is known of a changelog and its store beside the records."""
    spec, forgets = plan.config.store, plan.config.run.forget_after is not None
    kept_us = 0 if spec is None else parse_duration_us(spec.keep_transitions)
    return Known(
        cut=changelog.cut,
        tombstones=changelog.tombstones,
        forgets=forgets and changelog.tombstones,
        kept_since_us=now_us() - kept_us,
    )
