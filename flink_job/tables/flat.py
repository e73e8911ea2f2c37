"""Published records as rows of tables: each a dict of columns, none where there is no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flink_job.tables.dictionary import SEPARATOR, TableColumn, columns
from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
)
from operators.contracts.records import Assignment

FlatRow = Mapping[str, Any]


@dataclass(frozen=True)
class FlatTable:
    """A table: its name, its columns in order, and its rows, which come once."""

    name: str
    columns: Sequence[TableColumn]
    rows: Iterable[FlatRow]


def outcome_tables(records: Sequence[OutcomeRecord], outcomes: Sequence[str]) -> list[FlatTable]:
    """Days, cohorts and pairs, in the order of names and days.

    `outcomes` are those of the configuration; others that records have come behind them.
    """
    days = sorted(
        (each for each in records if isinstance(each, DayOutcomes)),
        key=lambda each: (each.model or "", each.name, each.series, each.day),
    )
    cohorts = sorted(
        (each for each in records if isinstance(each, CohortOutcomes)),
        key=lambda each: (each.name, each.series, each.cohort, each.stratum or ""),
    )
    told = [group for each in days for _, group in _groups_of_day(each)]
    counted = [group for each in cohorts for _, group in _groups_of_cohort(each)]
    seen = {name for each in told for name in each.conversions | each.converted}
    seen |= {name for each in counted for name in each.outcomes}
    names = [*outcomes, *sorted(seen - set(outcomes))]
    steps = max((len(each.steps) for each in told), default=0)
    periods = max((len(each.retained) for each in counted), default=0)
    rows = {"days": _days(days), "cohorts": _cohorts(cohorts), "pairs": _pairs(cohorts)}
    return [
        FlatTable(table, columns(table, names, steps=steps, periods=periods), own)
        for table, own in rows.items()
    ]


def membership_table(assignments: Iterable[Assignment]) -> FlatTable:
    """What everyone is in, in the order in which they come."""
    rows = (row for each in assignments for row in _memberships(each))
    return FlatTable("memberships", columns("memberships", (), steps=0, periods=0), rows)


def _days(records: Iterable[DayOutcomes]) -> Iterator[FlatRow]:
    for record in records:
        whose = {"model": record.model, "segment": record.name, "series": record.series}
        moves = {
            "entries": record.entries,
            "exits": record.exits,
            "stayed_seconds": record.stayed_seconds,
            "members_before": record.members_before,
        }
        for group, own in _groups_of_day(record):
            moved = moves if group == "members" else {}
            yield {**whose, "day": record.day, "group": group, **moved, **_of_day(own)}


def _groups_of_day(record: DayOutcomes) -> Iterator[tuple[str, GroupDay]]:
    """Of a cluster there are members alone."""
    yield "members", record.members
    if record.model is None:
        yield "held_out", record.held_out
        yield "others", record.others


def _of_day(group: GroupDay) -> dict[str, Any]:
    by_outcome: dict[str, Mapping[str, float]] = {
        "conversions": group.conversions,
        "value": group.value,
        "converted_sessions": group.converted,
        "session_value": group.session_value,
    }
    return {
        **{"sessions": group.sessions, "seconds": group.seconds},
        **{"pages": group.pages, "bounces": group.bounces},
        **{f"step_{at}": number for at, number in enumerate(group.steps, start=1)},
        **{
            f"{name}{SEPARATOR}{what}": number
            for what, numbers in by_outcome.items()
            for name, number in numbers.items()
        },
    }


def _cohorts(records: Iterable[CohortOutcomes]) -> Iterator[FlatRow]:
    for record in records:
        for group, own in _groups_of_cohort(record):
            retained = {f"retained_{at}": users for at, users in enumerate(own.retained)}
            yield {**_of_cohort(record), "group": group, **_of_users(own), **retained}


def _pairs(records: Iterable[CohortOutcomes]) -> Iterator[FlatRow]:
    for record in records:
        for other, own in sorted(record.both.items()):
            yield {**_of_cohort(record), "other": other, **_of_users(own)}


def _groups_of_cohort(record: CohortOutcomes) -> Iterator[tuple[str, Cohort]]:
    yield "members", record.members
    yield "held_out", record.held_out
    yield "others", record.others


def _of_cohort(record: CohortOutcomes) -> dict[str, Any]:
    return {
        **{"segment": record.name, "series": record.series},
        **{"cohort": record.cohort, "stratum": record.stratum},
    }


def _of_users(cohort: Cohort) -> dict[str, Any]:
    found: dict[str, Any] = {"users": cohort.users}
    for name, own in cohort.outcomes.items():
        of = f"{name}{SEPARATOR}"
        found |= {
            f"{of}converted_users": own.converted,
            f"{of}conversions": own.conversions,
            f"{of}value": own.value,
            f"{of}value_squares": own.squares,
        }
    return found


def _memberships(found: Assignment) -> Iterator[FlatRow]:
    who = {"user": found.user, "version": found.version}
    for segment in found.segments:
        yield {**who, "kind": "segment", "segment": segment, "since": found.since.get(segment)}
    for segment, since in found.held_out.items():
        yield {**who, "kind": "held_out", "segment": segment, "since": since}
    for model, own in found.clusters.items():
        of = {"model": model, "segment": str(own.cluster), "label": own.name}
        yield {**who, "kind": "cluster", **of, "since": own.since}
