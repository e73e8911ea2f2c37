"""What batches bring beside features: numbers about what users did, for whoever judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from operators.base.arrays import Ints, Rows
from operators.features.windows import BatchUpdate
from operators.pages.layout import Field
from operators.pages.table import UserTable

ROW = 0  # of each table: the users


@dataclass(frozen=True)
class Brought:
    """Three tables of columns, int64[columns, n] each, whose first column has rows of users.

    What they say is the affair of who makes and who reads them: see `outcomes/sessions.py`. Those
    of one user stand in the order in which they came.
    """

    sessions: Ints
    conversions: Ints
    activity: Ints

    def __bool__(self) -> bool:
        return any(table.shape[1] for table in self.tables)

    @property
    def tables(self) -> tuple[Ints, Ints, Ints]:
        """All three."""
        return self.sessions, self.conversions, self.activity

    @property
    def rows(self) -> Rows:
        """The users, each once, ascending."""
        rows: Rows = np.unique(np.concatenate([table[ROW] for table in self.tables]))
        return rows

    def of(self, rows: Rows) -> Brought:
        """The same with other numbers for the users: `rows` has one for each of before."""
        return Brought(*(np.vstack([rows[table[ROW]], table[1:]]) for table in self.tables))

    @classmethod
    def together(cls, some: Sequence[Brought]) -> Brought:
        """What several batches brought, one after the other."""
        if len(some) == 1:
            return some[0]
        return cls(
            *(
                np.concatenate(tables, axis=1)
                for tables in zip(*(x.tables for x in some), strict=True)
            )
        )


class BatchReader(Protocol):
    """Reads batches beside the features, and keeps fields of its own in users' rows."""

    def fields(self) -> tuple[Field, ...]:
        """What it keeps of a user."""

    def add(self, table: UserTable, update: BatchUpdate) -> Brought:
        """What a batch brings, whose sessions are carried on already."""
