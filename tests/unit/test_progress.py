"""The line of a run: what it says, and when it is written where no terminal shows it."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from flink_job.cli.progress import job_line, learning_line, ticker, upsert_line
from flink_job.jobs.servers import Lags
from flink_job.runtime.running import JobProgress

COUNTED = {"records": 1_200, "assignments_changed": 30, "transitions": 40, "dead_letters": 5}


def test_a_line_is_written_only_where_something_has_changed() -> None:
    out = StringIO()
    with ticker(Console(file=out), "starting") as told:
        tell = job_line(told, Lags(events=1_000, store=7))
        for second in range(3):
            tell(JobProgress(COUNTED, float(second)))
    assert out.getvalue().splitlines() == [
        "starting",
        "1,200 events (0/s, 1,000 to read), 30 assignments changed, 40 transitions, "
        "5 dead letters, 7 records to store",
    ]


def test_lags_that_are_not_known_are_left_out() -> None:
    out = StringIO()
    with ticker(Console(file=out), "starting") as told:
        job_line(told, Lags())(JobProgress(COUNTED, 1.0))
    assert out.getvalue().splitlines()[1] == (
        "1,200 events (0/s), 30 assignments changed, 40 transitions, 5 dead letters"
    )


def test_the_first_half_of_a_run_with_final_models_is_told_as_such() -> None:
    out = StringIO()
    with ticker(Console(file=out), "starting") as told:
        learning_line(told)(JobProgress(COUNTED, 1.0))
    assert out.getvalue().splitlines()[1] == (
        "first half, for the cluster models alone: 1,200 events (0/s)"
    )


def test_the_line_of_upsert() -> None:
    out = StringIO()
    counted = {"assignments_written": 10, "transitions_written": 2_000}
    with ticker(Console(file=out), "starting") as told:
        upsert_line(told, Lags(store=0))(JobProgress(counted, 1.0))
    assert out.getvalue().splitlines()[1] == (
        "10 assignments and 2,000 transitions read into the store, 0 records to store"
    )
