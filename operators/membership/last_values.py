"""The features of a lane's users as Profile sent them last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Rows
from operators.base.frame import FeatureColumn
from operators.pages.layout import Field
from operators.pages.table import UserTable

_NUMBERS: Final = "numbers"


class LastValues:
    """Features in a table of users: numbers side by side, and each that is coded alone.

    Args:
        columns: the features, in the order in which Profile sends them.
    """

    def __init__(self, columns: Mapping[str, FeatureColumn]) -> None:
        self._columns = list(columns.values())
        self._numbers = [at for at, column in enumerate(self._columns) if not column.kind.coded]
        self.coded = [at for at, column in enumerate(self._columns) if column.kind.coded]

    def fields(self) -> list[Field]:
        """What the layout of the table needs for them."""
        numbers = [self._columns[at] for at in self._numbers]
        return [
            Field(
                _NUMBERS,
                "f8",
                len(numbers),
                initial=tuple(column.empty for column in numbers),
                labels=tuple(column.identity for column in numbers),
            ),
            *(
                Field(
                    self._name(at),
                    "i8",
                    initial=-1,
                    coded=True,
                    labels=(self._columns[at].identity,),
                )
                for at in self.coded
            ),
        ]

    def put(self, table: UserTable, rows: Rows, values: Floats) -> None:
        """Keep the values of some users, float64[features, rows] as a `Frame` has them."""
        table.cells(_NUMBERS).put(rows, values[self._numbers].T)
        for at in self.coded:
            codes = np.where(np.isnan(values[at]), -1, values[at])
            table.cells(self._name(at)).put_one(rows, codes)

    def take(self, table: UserTable, rows: Rows) -> Floats:
        """The values of some users, float64[features, rows]."""
        values = np.empty((len(self._columns), len(rows)))
        values[self._numbers] = table.cells(_NUMBERS).take(rows).T
        for at in self.coded:
            codes = table.cells(self._name(at)).take_one(rows)
            values[at] = np.where(codes < 0, np.nan, codes)
        return values

    def _name(self, at: int) -> str:
        return f"category.{self._columns[at].name}"
