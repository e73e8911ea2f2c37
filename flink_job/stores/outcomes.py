"""The row of a store that an outcome record is of: its newest version counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from operators.contracts.outcomes import DayOutcomes, OutcomeRecord


class OutcomeRow(NamedTuple):
    """Day or cohort, of which model's cluster or which segment; `day` is the first of a cohort.

    What there is none of, a model or a stratum, is empty: none of either is called that.
    """

    kind: str
    model: str
    name: str
    series: str
    day: str
    stratum: str


def row_of(record: OutcomeRecord) -> OutcomeRow:
    """The row of a record."""
    if isinstance(record, DayOutcomes):
        model, name, series, day = record.model, record.name, record.series, record.day
        return OutcomeRow("day", model or "", name, series, day, "")
    name, series, day = record.name, record.series, record.cohort
    return OutcomeRow("cohort", "", name, series, day, record.stratum or "")


def newest_outcomes(records: Iterable[OutcomeRecord]) -> list[OutcomeRecord]:
    """The newest record of each row, those among them that are `gone`."""
    chosen: dict[OutcomeRow, OutcomeRecord] = {}
    for record in records:
        row = row_of(record)
        held = chosen.get(row)
        if held is None or record.version > held.version:
            chosen[row] = record
    return list(chosen.values())
