"""How one user's state lies in a row of 8-byte words.

A row is compiled from fields. A field is an array of float64, int64 or int32; two int32
share a word. Words are what the journal compares and logs, so it needs to know no feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]
Rows = NDArray[np.int64]

_BYTES: Final = {"f8": 8, "i8": 8, "i4": 4}


@dataclass(frozen=True)
class Field:
    """A named array of `length` numbers of type `dtype` ("f8", "i8" or "i4"), first `initial`.

    `coded` says that the numbers are dictionary codes, and -1 no text.
    """

    name: str
    dtype: str
    length: int = 1
    initial: float = 0
    coded: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes its numbers take."""
        return self.length * _BYTES[self.dtype]

    @property
    def words(self) -> int:
        """How many words the field takes."""
        return -(-self.bytes // 8)


@dataclass(frozen=True)
class Place:
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

    `meaning` says what the fields don't: which of their numbers is what.
    """

    def __init__(self, fields: Iterable[Field], meaning: str = "") -> None:
        self.fields = tuple(fields)
        self._meaning = meaning
        starts = [0, *accumulate(field.words for field in self.fields)]
        self.width = starts[-1]
        self._places = {
            field.name: _place(field, start, self.width)
            for field, start in zip(self.fields, starts, strict=False)
        }
        if len(self._places) != len(self.fields):
            raise ValueError("two fields of a layout share a name")

    def __getitem__(self, name: str) -> Place:
        return self._places[name]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def initial_row(self) -> Words:
        """The words of a new user's row, int64[width]."""
        row = np.zeros(self.width, np.int64)
        for field in self.fields:
            place = self[field.name]
            row.view(field.dtype)[place.offset : place.end] = field.initial
        return row

    def fingerprint(self) -> str:
        """A short name of the layout; two layouts with the same one read each other's rows."""
        text = ";".join(f"{f.name}:{f.dtype}:{f.length}:{f.initial!r}" for f in self.fields)
        return sha256(f"{text};{self._meaning}".encode()).hexdigest()[:16]


def _place(field: Field, start: int, width: int) -> Place:
    per_word = 8 // _BYTES[field.dtype]
    return Place(field.dtype, start * per_word, field.length, width * per_word)


class Cells:
    """One field of all rows: read and written by row numbers.

    `flat` is the whole table seen as a flat array of the field's type; the number at
    position p of row r is `flat[r * stride + offset + p]`, which is what `numpy.add.at` wants.
    """

    def __init__(self, words: Words, place: Place) -> None:
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
        return self.flat[self.at(rows, position)]

    def put_one(self, rows: Rows, values: Any, position: int | Rows = 0) -> None:
        """Write one number of the field in these rows, at one position or one each."""
        self.flat[self.at(rows, position)] = values
