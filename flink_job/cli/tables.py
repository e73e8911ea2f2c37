"""`flockwise export --outcomes`: what is published as tables, and what their columns mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from rich.markup import escape

from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import console
from flink_job.cli.shown import rows
from flink_job.plan import Plan
from flink_job.queries.outcomes import published_outcomes
from flink_job.tables.dictionary import described
from flink_job.tables.files import TABLE_FORMATS, TableFormat, write_table
from flink_job.tables.flat import membership_table, outcome_tables
from operators.base.errors import UsageError
from operators.contracts.records import Assignment

_HEADER = ("table", "column", "type", "meaning")


def write_tables(
    plan: Plan, assignments: Iterable[Assignment], folder: Path | None, format_: str
) -> None:
    """Write all tables into a folder, and say what is in it.

    Raises:
        UsageError: it can't be written, or nothing is measured.
        FlockwiseError: nothing was published yet.
    """
    if folder is None:
        raise UsageError("--outcomes: expected a folder to write tables into: --to FOLDER")
    if format_ not in TABLE_FORMATS:
        raise UsageError(f"--format: expected {' or '.join(TABLE_FORMATS)}, found '{format_}'")
    named = [] if plan.config.outcomes is None else list(plan.config.outcomes.named)
    tables = outcome_tables(published_outcomes(plan), named)
    for table in (*tables, membership_table(assignments)):
        path, count = write_table(table, folder, cast(TableFormat, format_))
        console.print(
            f"[green]✓[/] {escape(str(path))}: {count:,} rows", soft_wrap=True, highlight=False
        )


def tell_dictionary(to: Path | None, *, as_json: bool) -> None:
    """Say what every column of every table is."""
    write_lines(_objects() if as_json else rows(_HEADER, described()), to)


def _objects() -> Iterator[str]:
    return (json_line(dict(zip(_HEADER, each, strict=True))) for each in described())
