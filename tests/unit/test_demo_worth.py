"""The demo says of its segments who bought since they came in, against everyone else."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from flink_job.cli.demo import write_config
from flink_job.cli.demo_worth import worth
from flink_job.cli.run import plan_of
from operators.contracts.outcomes import Cohort, CohortOutcomes, DayOutcomes, UserOutcome
from operators.contracts.records import encode


def cohort(users: int, converted: int, value: float) -> Cohort:
    return Cohort(users, {"purchase": UserOutcome(converted, converted, value, 0.0)})


def rows(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*(map(str, column.cells) for column in table.columns), strict=True))


def test_cohorts_are_added_up_by_segment(tmp_path: Path) -> None:
    plan = plan_of(write_config(tmp_path))
    told = [
        CohortOutcomes("Bots", "a", "2026-11-22", members=cohort(6, 3, 90), others=cohort(9, 0, 0)),
        CohortOutcomes("Bots", "a", "2026-11-23", members=cohort(4, 1, 10), others=cohort(1, 1, 5)),
        CohortOutcomes("Browsers", "b", "2026-11-22", others=cohort(3, 0, 0)),
        DayOutcomes("Bots", "a", "2026-11-22", entries=10),
    ]
    folder = tmp_path / "changelog" / "outcomes"
    folder.mkdir(parents=True)
    (folder / "part-0").write_bytes(b"".join(encode(each) + b"\n" for each in told))
    found = {segment: cells for segment, *cells in rows(worth(plan))}
    assert found.keys() == plan.config.segments.keys()
    assert found["Bots"] == ["10", "40.0%", "10.00", "10", "10.0%", "0.50"]
    assert found["Browsers"] == ["-", "-", "-", "3", "0.0%", "0.00"]
