"""Reading what was published of outcomes: of each key the newest, and nothing that is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flink_job.config.load import check
from flink_job.plan import Plan
from flink_job.queries.outcomes import published_outcomes
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.outcomes import CohortOutcomes, DayOutcomes, OutcomeRecord
from operators.contracts.records import encode

CONFIG: dict[str, Any] = {
    "source": {"files": {"paths": ["events.csv"]}},
    "output": {"folder": "out"},
    "features": {"views": {"count": "view", "window": "1h"}},
    "segments": {},
}
OUTCOMES: dict[str, Any] = {"outcomes": {"purchase": {"event": "purchase"}}}


def day(name: str, version: int, **more: Any) -> DayOutcomes:
    return DayOutcomes(name=name, series="s", day="2026-11-02", version=version, **more)


def published(folder: Path, *records: OutcomeRecord, other: bytes = b"") -> Plan:
    """A plan whose run has written these, in two files."""
    outcomes = folder / "out" / "outcomes"
    outcomes.mkdir(parents=True)
    lines = [encode(each) + b"\n" for each in records]
    (outcomes / "part-0").write_bytes(b"".join(lines[::2]) + other)
    (outcomes / "part-1").write_bytes(b"".join(lines[1::2]))
    (outcomes / ".part-2.inprogress").write_bytes(encode(day("not yet", 99)) + b"\n")
    return Plan(check(CONFIG | OUTCOMES, "the test"), folder)


def test_of_each_key_the_newest_counts_in_whichever_file_it_is(tmp_path: Path) -> None:
    segment, cluster = day("3", 7), day("3", 5, model="shoppers")
    cohorts = [
        CohortOutcomes(name="3", series=series, cohort="2026-11-02", stratum=stratum, version=1)
        for series, stratum in (("s", None), ("t", None), ("s", "phone"))
    ]
    plan = published(tmp_path, day("3", 6), segment, day("3", 2), cluster, *cohorts)
    assert sorted(map(encode, published_outcomes(plan))) == sorted(
        map(encode, [segment, cluster, *cohorts])
    )


def test_what_is_gone_or_none_of_ours_is_passed_over(tmp_path: Path) -> None:
    kept, gone = day("A", 1), day("B", 2, gone=True)
    plan = published(tmp_path, kept, day("B", 1), gone, other=b"garbage\n\xff\n")
    assert published_outcomes(plan) == [kept]


def test_where_nothing_is_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(FlockwiseError, match="nothing is published of outcomes yet"):
        published_outcomes(published(tmp_path))
    with pytest.raises(UsageError, match="this configuration measures none"):
        published_outcomes(Plan(check(CONFIG, "the test"), tmp_path))
