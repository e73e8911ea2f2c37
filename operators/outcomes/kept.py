"""What Assign keeps of a user for outcomes: words of their row, which die with it.

By segment, and once more for everyone: since when the user counts, the periods in which they were
active since, and what they brought by outcome. Their stratum. Of the session that they are in: the
day on which it began, and how they stood as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments, Rows
from operators.outcomes.attribution import OTHER
from operators.outcomes.outcomes import Outcomes
from operators.pages.layout import Field
from operators.pages.table import UserTable

NO_DAY: Final = -1
NO_STRATUM: Final = -1
NO_CLUSTER: Final = -1  # as membership has it

_ENTERED: Final = "outcomes.entered"  # a standing: see rules/standing.py; 0 for who has not
_ACTIVE: Final = "outcomes.active"  # a bit each period since then
_CONVERSIONS: Final = "outcomes.conversions"
_VALUE: Final = "outcomes.value"  # in millionths
_STRATUM: Final = "outcomes.stratum"
SESSION_DAY: Final = "outcomes.session_day"
SESSION_GROUPS: Final = "outcomes.session_groups"
SESSION_CLUSTERS: Final = "outcomes.session_clusters"


def fields(outcomes: Outcomes, series: Sequence[str], models: Sequence[str]) -> tuple[Field, ...]:
    """The fields where segments are judged by these series, and clusters by these models."""
    own, k = outcomes.identity, len(outcomes.names)
    labels = tuple(f"{each} {own}" for each in (*series, "everyone"))
    width = len(labels)
    return (
        Field(_ENTERED, "i8", width, labels=labels),
        Field(_ACTIVE, "i8", width, labels=labels),
        Field(_CONVERSIONS, "i8", width * k, labels=labels),
        Field(_VALUE, "i8", width * k, labels=labels),
        Field(_STRATUM, "i8", initial=NO_STRATUM, labels=(own,)),
        Field(SESSION_DAY, "i8", initial=NO_DAY, labels=(own,)),
        Field(SESSION_GROUPS, "i4", len(series), initial=OTHER, labels=labels[:-1]),
        Field(SESSION_CLUSTERS, "i8", len(models), initial=NO_CLUSTER, labels=tuple(models)),
    )


@dataclass
class KeptOutcomes:
    """What is kept of u users by the segments, and in the last column of everyone.

    `entered` int64[u, s + 1], `active` the same, `conversions` and `value` int64[u, s + 1, k];
    `stratum` int64[u].
    """

    entered: Moments
    active: Ints
    conversions: Ints
    value: Ints
    stratum: Ints

    @classmethod
    def read(cls, table: UserTable, rows: Rows) -> KeptOutcomes:
        """That of some users."""
        entered = table.cells(_ENTERED).take(rows)
        by_outcome = (*entered.shape, -1)
        return cls(
            entered,
            table.cells(_ACTIVE).take(rows),
            table.cells(_CONVERSIONS).take(rows).reshape(by_outcome),
            table.cells(_VALUE).take(rows).reshape(by_outcome),
            table.cells(_STRATUM).take_one(rows),
        )

    def of(self, users: Ints | Mask | slice) -> KeptOutcomes:
        """That of some of the users."""
        return KeptOutcomes(
            self.entered[users],
            self.active[users],
            self.conversions[users],
            self.value[users],
            self.stratum[users],
        )

    def copy(self) -> KeptOutcomes:
        """One that may be changed without this one."""
        return KeptOutcomes(
            self.entered.copy(),
            self.active.copy(),
            self.conversions.copy(),
            self.value.copy(),
            self.stratum.copy(),
        )

    def nothing(self) -> KeptOutcomes:
        """What is kept of the same users, and in the same strata, before anything counts."""
        return KeptOutcomes(
            np.zeros_like(self.entered),
            np.zeros_like(self.active),
            np.zeros_like(self.conversions),
            np.zeros_like(self.value),
            self.stratum,
        )

    def write(self, table: UserTable, rows: Rows) -> None:
        """Write it back."""
        table.cells(_ENTERED).put(rows, self.entered)
        table.cells(_ACTIVE).put(rows, self.active)
        table.cells(_CONVERSIONS).put(rows, self.conversions.reshape(len(rows), -1))
        table.cells(_VALUE).put(rows, self.value.reshape(len(rows), -1))
        table.cells(_STRATUM).put_one(rows, self.stratum)


def entered(table: UserTable, rows: Rows) -> Moments:
    """Since when users count in each segment, int64[rows, s]; 0 for who does not yet."""
    found: Moments = table.cells(_ENTERED).take(rows)[:, :-1]
    return found
