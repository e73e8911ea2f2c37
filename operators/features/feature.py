"""What a feature is that keeps its state, if it has any, to itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from operators.base.arrays import Floats, Moments, Rows
from operators.features.arrivals import Arrivals
from operators.features.windows import BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable


@runtime_checkable
class TakesTraits(Protocol):
    """A feature that a roster tells something of."""

    @property
    def traits(self) -> tuple[frozenset[str], frozenset[str]]:
        """The properties that it reads as numbers, and those that it reads as texts."""

    def add_traits(self, table: UserTable, people: Arrivals) -> None:
        """Take what records of a roster say."""


class StatefulFeature(Protocol):
    """A feature, or a part of one. Rows are users of the table; all methods take arrays."""

    def fields(self) -> tuple[Field, ...]:
        """Its state in the layout, named after the feature."""

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        """Bring the state forward by a batch."""

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        """The values at a moment each, float64[rows], and when they change.

        NaN is null. Changes are those that time alone brings: int64[rows], NEVER where there
        is none; None where there never is, or where that is not the feature's to tell.
        """
