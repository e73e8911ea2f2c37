"""`flockwise verify`: whether results are consistent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.markup import escape

from flink_job.cli.counted import counted
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.shown import printable
from flink_job.plan import Plan
from flink_job.queries.changelog_reading import opened
from flink_job.queries.faults import MEANINGS, Inconsistency
from flink_job.queries.recorded import UNKNOWN
from flink_job.queries.verifying import Report
from flink_job.queries.verifying import verify as verified
from operators.base.arrays import Ints
from operators.base.errors import FlockwiseError

_EXAMPLES: Final = 3

_T = TypeVar("_T")


def verify(
    config: ConfigPath,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check that topics (or the output folder) and the store agree; reads all of them.

    A job may be at work meanwhile. A store that is merely behind is told of, and no fault.
    """
    report = _report(plan_of(config))
    if as_json:
        write_lines([json_line(_as_json(report))])
    else:
        write_lines(_lines(report))
        _tell_notes(report)
    checked = _checked(report)
    if report.findings.faults:
        count = sum(map(len, report.findings.faults.values()))
        raise FlockwiseError(f"{count:,} faults: {checked}")
    if not as_json:
        doubts = any(True for _ in _notes(report))
        mark = "[yellow]![/] what could be judged agrees" if doubts else "[green]✓[/] all agrees"
        console.print(f"{mark}: {checked}", soft_wrap=True, highlight=False)


def _report(plan: Plan) -> Report:
    def heard(read: Iterable[_T], what: str) -> Iterator[_T]:
        return counted(read, console, what)

    open_store = plan.store()
    with ExitStack() as held:
        store = None if open_store is None else held.enter_context(closing(open_store()))
        return verified(plan, held.enter_context(opened(plan)), store, heard)


def _checked(report: Report) -> str:
    recorded, rows = report.recorded, report.store_rows
    store = "no store" if rows is None else f"{rows:,} rows of the store"
    return (
        f"{recorded.records:,} records of {recorded.people():,} users "
        f"and {recorded.segments():,} segments, {store}"
    )


def _notes(report: Report) -> Iterator[str]:
    """What was not judged."""
    if report.findings.behind:
        yield f"the store is {report.findings.behind:,} records behind"
    for reason, count in report.findings.unjudged.items():
        yield f"not judged: {count:,} {reason}"
    if report.unreadable:
        yield f"not judged: {report.unreadable:,} records that are none of flockwise's"


def _tell_notes(report: Report) -> None:
    for note in _notes(report):
        console.print(f"[yellow]![/] {escape(note)}", soft_wrap=True, highlight=False)


def _lines(report: Report) -> Iterator[str]:
    """A line for each kind of fault, in the order of the kinds."""
    for fault, rows in _ordered(report):
        examples = "; ".join(map(_example, _examples(report, rows)))
        more = ", ..." if len(rows) > _EXAMPLES else ""
        yield f"{len(rows):,} {MEANINGS[fault]}: {examples}{more}"


def _ordered(report: Report) -> Iterator[tuple[Inconsistency, Ints]]:
    return (
        (fault, found)
        for fault in Inconsistency
        if (found := report.findings.faults.get(fault)) is not None
    )


def _example(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {printable(str(value))}" for name, value in found.items())


def _examples(report: Report, rows: Ints) -> Iterator[dict[str, Any]]:
    """User, segment (or cluster) and version of the first faults, as far as they have them."""
    recorded = report.recorded
    for user, audience, version in rows[:_EXAMPLES].tolist():
        example: dict[str, Any] = {"user": recorded.users.text(user)}
        if audience != UNKNOWN:
            kind, _, name = recorded.audiences.text(audience).partition(" ")
            example[kind] = name
        if version != UNKNOWN:
            example["version"] = version
        yield example


def _as_json(report: Report) -> dict[str, Any]:
    recorded = report.recorded
    faults = [
        {"kind": fault, "count": len(rows), "examples": list(_examples(report, rows))}
        for fault, rows in _ordered(report)
    ]
    return {
        "records": recorded.records,
        "unreadable": report.unreadable,
        "users": recorded.people(),
        "segments": recorded.segments(),
        "store_rows": report.store_rows,
        "behind": report.findings.behind,
        "not_judged": report.findings.unjudged,
        "faults": faults,
    }
