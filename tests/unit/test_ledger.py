"""A run that lost a record, or counted one twice, does not end well."""

from __future__ import annotations

from pathlib import Path

import pytest

from flink_job.jobs.ledger import account, totals
from operators.base.errors import JobError
from operators.contracts.records import LEDGER, LaneTotals, encode


def test_the_lanes_add_up_and_what_is_not_committed_does_not_count(tmp_path: Path) -> None:
    assert totals(tmp_path) == {
        "records": 0,
        "events_applied": 0,
        "dead_letters": 0,
        "duplicates": 0,
    }
    folder = tmp_path / LEDGER
    folder.mkdir()
    lanes = [LaneTotals(0, 6, 4, 1, 1), LaneTotals(1, 7, 7, 0, 0), LaneTotals(2, 9, 9, 0, 0)]
    for lane, name in zip(lanes, ["part-1", "part-2", ".part-3.inprogress"], strict=True):
        (folder / name).write_bytes(encode(lane) + b"\n")
    assert totals(tmp_path) == {
        "records": 13,
        "events_applied": 11,
        "dead_letters": 1,
        "duplicates": 1,
    }


def found(records: int, applied: int, dead: int) -> dict[str, int]:
    """Totals of a run that has dropped two duplicates besides."""
    return {
        "records": records + 2,
        "events_applied": applied,
        "dead_letters": dead,
        "duplicates": 2,
    }


@pytest.mark.parametrize(
    ("records", "applied", "dead", "expected"), [(5, 4, 1, 7), (5, 4, 1, None), (0, 0, 0, 2)]
)
def test_what_adds_up_is_good(records: int, applied: int, dead: int, expected: int | None) -> None:
    account(found(records, applied, dead), expected)


@pytest.mark.parametrize(
    ("records", "applied", "dead", "expected"),
    [(5, 4, 0, 7), (5, 4, 2, 7), (5, 4, 2, None), (4, 4, 0, 7), (6, 6, 0, 7)],
)
def test_what_does_not_add_up_is_told(
    records: int, applied: int, dead: int, expected: int | None
) -> None:
    with pytest.raises(JobError, match="were lost or counted twice"):
        account(found(records, applied, dead), expected)
