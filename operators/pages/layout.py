"""How one user's state lies in a row of 8-byte words.

A row is compiled from fields. A field is an array of float64, int64 or int32; two int32
share a word. Words are what the journal compares and logs, so it needs to know no feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Rows

Words = NDArray[np.int64]

_BYTES: Final = {"f8": 8, "i8": 8, "i4": 4}


@dataclass(frozen=True)
class Field:
    """A named array of `length` numbers of type `dtype` ("f8", "i8" or "i4"), first `initial`.

    The numbers fall into parts of the same length, one a label. Field and label together say what
    the numbers of a part mean, so that a part can move to another layout. `initial` is one number
    for all or one for each part. `coded` says that the numbers are dictionary codes, and -1 no
    text. A field of one number that is kept `as_column`, too, can be looked through for all rows
    without reading them.
    """

    name: str
    dtype: str
    length: int = 1
    initial: float | tuple[float, ...] = 0
    coded: bool = False
    as_column: bool = False
    labels: tuple[str, ...] = ("",)

    @property
    def part_length(self) -> int:
        """How many numbers a part has."""
        return self.length // max(len(self.labels), 1)

    @property
    def bytes(self) -> int:
        """How many bytes its numbers take."""
        return self.length * _BYTES[self.dtype]

    @property
    def words(self) -> int:
        """How many words the field takes."""
        return -(-self.bytes // 8)


@dataclass(frozen=True)
class FieldPart:
    """Some numbers of a row and what they mean: equal in two layouts where they mean the same."""

    field: str
    dtype: str
    length: int
    label: str


@dataclass(frozen=True)
class FieldPlace:
    """Where a field lies: its type, and offset and row width counted in numbers of that type."""

    dtype: str
    offset: int
    length: int
    stride: int

    @property
    def end(self) -> int:
        """The offset behind the field's last number."""
        return self.offset + self.length


class Layout:
    """The fields of a row, their places, and the row that a new user starts with.

    That is as the fields say, unless `initial` gives its words, int64[width].
    """

    def __init__(self, fields: Iterable[Field], initial: Words | None = None) -> None:
        self.fields = tuple(fields)
        self._initial = initial
        starts = [0, *accumulate(field.words for field in self.fields)]
        self.width = starts[-1]
        self._places = {
            field.name: _place(field, start, self.width)
            for field, start in zip(self.fields, starts, strict=False)
        }
        if len(self._places) != len(self.fields):
            raise ValueError("two fields of a layout share a name")

    def __getitem__(self, name: str) -> FieldPlace:
        return self._places[name]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def parts(self) -> Mapping[FieldPart, slice]:
        """Where in a row each part lies, counted in numbers of its type."""
        return {
            FieldPart(field.name, field.dtype, field.part_length, label): slice(start, end)
            for field in self.fields
            for label, start, end in self._spans(field)
        }

    def initial_row(self) -> Words:
        """The words of a new user's row, int64[width]."""
        if self._initial is not None:
            return self._initial
        row = np.zeros(self.width, np.int64)
        for field in self.fields:
            place, initial = self[field.name], field.initial
            each = np.repeat(initial, field.part_length) if isinstance(initial, tuple) else initial
            row.view(field.dtype)[place.offset : place.end] = each
        return row

    def _spans(self, field: Field) -> Iterator[tuple[str, int, int]]:
        start, length = self[field.name].offset, field.part_length
        for label in field.labels:
            yield label, start, start + length
            start += length


def _place(field: Field, start: int, width: int) -> FieldPlace:
    per_word = 8 // _BYTES[field.dtype]
    return FieldPlace(field.dtype, start * per_word, field.length, width * per_word)


class FieldCells:
    """One field of all rows: read and written by row numbers.

    Where a number stands at the same position in all rows, numpy finds it by a stride: that is
    several times as fast as to compute where each is.

    `flat` is the whole table seen as a flat array of the field's type; the number at
    position p of row r is `flat[r * stride + offset + p]`, which is what `numpy.add.at` wants.
    """

    def __init__(self, words: Words, place: FieldPlace) -> None:
        self.flat: NDArray[Any] = words.reshape(-1).view(place.dtype)
        self.place = place
        self._table = self.flat.reshape(-1, place.stride)[:, place.offset : place.end]

    def at(self, rows: Rows, position: int | Rows = 0) -> Rows:
        """The flat indices of a position of the field in these rows."""
        return rows * self.place.stride + (self.place.offset + position)

    def take(self, rows: Rows) -> NDArray[Any]:
        """A copy of the field in these rows, shape [rows, length]."""
        return self._table[rows]

    def put(self, rows: Rows, values: Any) -> None:
        """Write the field in these rows; the values broadcast to [rows, length]."""
        self._table[rows] = values

    def take_one(self, rows: Rows, position: int = 0) -> NDArray[Any]:
        """A copy of one number of the field in these rows, shape [rows]."""
        return self._table[:, position][rows]

    def put_one(self, rows: Rows, values: Any, position: int | Rows = 0) -> None:
        """Write one number of the field in these rows, at one position or one each."""
        if isinstance(position, int):
            self._table[:, position][rows] = values
        else:
            self.flat[self.at(rows, position)] = values

    def fold(self, ufunc: np.ufunc, rows: Rows, values: Any, position: int | Rows = 0) -> None:
        """Bring values into one number of the field in these rows, one by one, as they come."""
        if isinstance(position, int):
            ufunc.at(self._table[:, position], rows, values)
        else:
            ufunc.at(self.flat, self.at(rows, position), values)


class ColumnCells(FieldCells):
    """A field of one number that stands in an array of its own, too, by row."""

    def __init__(self, words: Words, place: FieldPlace, column: NDArray[Any]) -> None:
        super().__init__(words, place)
        self._column = column

    def take_one(self, rows: Rows, position: int = 0) -> NDArray[Any]:
        """A copy of the number in these rows, shape [rows]."""
        return self._column[rows]

    def put(self, rows: Rows, values: Any) -> None:
        """Write the number in these rows; the values broadcast to [rows, 1]."""
        super().put(rows, values)
        self._column[rows] = super().take_one(rows)

    def put_one(self, rows: Rows, values: Any, position: int | Rows = 0) -> None:
        """Write the number in these rows."""
        self._table[:, 0][rows] = values
        self._column[rows] = values

    def fold(self, ufunc: np.ufunc, rows: Rows, values: Any, position: int | Rows = 0) -> None:
        """Bring values into the number in these rows, one by one, as they come."""
        super().fold(ufunc, rows, values, position)
        self._column[rows] = super().take_one(rows)
