"""The users of one lane in memory: one row each, all rows in one array.

Rows stay where they are, so that a batch that touches users of many pages is still one
vectorised step. Those of users who were let go are handed out again before new ones. Pages are
how rows travel to Flink state: see `journal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints, Rows
from operators.base.dictionary import Dictionary
from operators.pages.layout import ColumnCells, FieldCells, Layout, Words
from operators.pages.memory import Budget
from operators.pages.moving import moved
from operators.pages.sets import IntMap

_FIRST_CAPACITY = 64
_NOBODY = ""  # stands in `users` for a free row; no user has this name
_NO_SETS: Mapping[str, str] = {}
CODE_BITS = 32  # a key of a set is row << 32 | dictionary code
_USER_BYTES: Final = 230  # of a name, and where it is found, beside the row
_TEXT_BYTES: Final = 300  # of a text in the dictionary
_TOGETHER: Final = 4_096  # rows at a time


class Held(NamedTuple):
    """Bytes in memory, and how many blocks of rows were let go of and came back, so far."""

    bytes: int
    dropped: int = 0
    loaded: int = 0


NOTHING_HELD: Final = Held(0)


class UserTable:
    """Rows of users by a layout, the texts their codes stand for, and sets of (row, code).

    Key: one lane of one operator. Written only by that operator. It is a cache of what the
    lane's Flink state holds and can be dropped at any moment between two batches.

    Args:
        layout: of the rows.
        sets: the names of the sets, each with a label, as fields of the layout have them.
        budget: of the memory of rows; None has all of them in memory.
    """

    def __init__(
        self,
        layout: Layout,
        sets: Mapping[str, str] = _NO_SETS,
        budget: Budget | None = None,
    ) -> None:
        self.budget = budget
        self.layout = layout
        self.set_labels = dict(sets)
        self.users: list[str] = []  # by row
        self.index: dict[str, int] = {}
        self.dictionary = Dictionary()
        self.sets = {name: IntMap() for name in sets}
        self._file = None if budget is None else budget.file()
        self._initial = layout.initial_row()
        self._columns: dict[str, NDArray[Any]] = {
            field.name: np.zeros(0, field.dtype) for field in layout if field.as_column
        }
        self._first_in_column = {
            name: self._initial.view(layout[name].dtype)[layout[name].offset]
            for name in self._columns
        }
        self._hashes = np.zeros(0, np.uint32)
        self._words = np.zeros((0, layout.width), np.int64)
        self._cells: dict[str, FieldCells] = {}
        self._free: list[int] = []
        self._added: list[int] = []
        self._reserve(_FIRST_CAPACITY)

    def __len__(self) -> int:
        """How many users there are."""
        return len(self.index)

    @property
    def extent(self) -> int:
        """How many rows there are, free ones among them."""
        return len(self.users)

    @property
    def words(self) -> Words:
        """All rows, int64[extent, width]; a view. What a free one holds means nothing."""
        return self._words[: self.extent]

    @property
    def hashes(self) -> NDArray[np.uint32]:
        """A stable hash of each row's user, uint32[extent]; its low bits name the page."""
        return self._hashes[: self.extent]

    def touch(self, rows: Rows) -> None:
        """These rows are read and written next; others may be let go of under a budget."""
        if self._file is not None and len(rows):
            self._file.touch(rows, self.layout.width * 8, self._beside_bytes())

    def pass_by(self, rows: Rows) -> None:
        """These rows, ascending, were read: those that no batch has touched are let go of again."""
        if self._file is not None and len(rows):
            self._file.pass_by(int(rows[0]), int(rows[-1]), self.layout.width * 8)

    def parts(self) -> Iterator[Rows]:
        """The rows of all users, ascending, some at a time, to read them and `pass_by`."""
        rows = self.rows()
        for start in range(0, len(rows), _TOGETHER):
            some = rows[start : start + _TOGETHER]
            yield some
            self.pass_by(some)

    def held(self) -> Held:
        """What the table takes of memory."""
        file = self._file
        if file is None:
            return Held(self.words.nbytes + self._beside_bytes())
        return Held(file.held_bytes, file.dropped, file.loaded)

    def rows(self) -> Rows:
        """The rows of all users, ascending."""
        if not self._free:
            return np.arange(self.extent)
        used = np.ones(self.extent, np.bool_)
        used[self._free] = False
        return np.flatnonzero(used)

    def cells(self, name: str) -> FieldCells:
        """A field of all rows; valid until users are added."""
        cells = self._cells.get(name)
        if cells is None:
            cells = self._cells[name] = self._cells_of(name)
        return cells

    def column(self, name: str) -> NDArray[Any]:
        """The numbers of a field that is kept as a column, too, [extent]; a view, to be read only.

        A free row has what a user begins with.
        """
        return self._columns[name][: self.extent]

    def rows_of(self, users: Sequence[str]) -> Rows:
        """The rows of these users, int64[n]; a user seen for the first time gets one."""
        index = self.index
        rows = list(map(index.get, users))
        if None in rows:
            self._add(dict.fromkeys(user for user in users if user not in index))
            rows = list(map(index.get, users))
        return np.array(rows, np.int64)

    def take_added(self) -> list[int]:
        """The rows that users got since this was last asked."""
        added, self._added = self._added, []
        return added

    def free(self, rows: Rows) -> None:
        """Let go of the users in these rows, each given once, and of all that is known of them.

        Texts that nobody else refers to go with `forget_unused_texts`.
        """
        if not len(rows):
            return
        for row in rows.tolist():
            del self.index[self.users[row]]
            self.users[row] = _NOBODY
        self._free.extend(rows.tolist())
        self._begin_columns(rows)
        freed = np.zeros(self.extent, np.bool_)
        freed[rows] = True
        for entries in self.sets.values():
            gone = freed[set_rows(entries.items()[0])]
            if np.any(gone):
                entries.keep(~gone)

    def codes_of(self, texts: Sequence[str | None]) -> Ints:
        """The dictionary codes of these texts, int64[n]; -1 for None."""
        return np.array(self.dictionary.codes(texts), np.int64)

    def codes_in(self, rows: Rows) -> set[int]:
        """The dictionary codes that stand in these rows."""
        coded = [self.cells(field.name) for field in self.layout if field.coded]
        return {code for cells in coded for code in cells.take(rows).ravel().tolist()}

    def forget_unused_texts(self) -> None:
        """Let go of the texts that no row and no set refers to any more."""
        codes = set[int]()
        for rows in self.parts():
            codes |= self.codes_in(rows)
        for entries in self.sets.values():
            codes.update(set_codes(entries.items()[0]).tolist())
        self.dictionary.keep(codes)

    def place(self, rows: Rows, users: Sequence[str], words: Words) -> None:
        """Put users back into given rows, as a restored state does; then `filled`."""
        self._extend(int(rows.max(initial=-1)) + 1)
        self._settle(rows.tolist(), users)
        self.touch(rows)
        self._words[rows] = words

    def filled(self) -> None:
        """All rows were put back: find those that nobody was put into."""
        self._free = [row for row, user in enumerate(self.users) if user == _NOBODY]
        self._fill_columns()

    def adopt(self, other: UserTable) -> None:
        """Fill this empty table with the users of another one, whose layout may differ.

        Values, texts and sets that mean the same in both stay. Users, texts and sets are then
        shared: only one of the two tables may go on.
        """
        self.users, self.index, self.dictionary = other.users, other.index, other.dictionary
        self._free = other._free
        self._reserve(self.extent)
        for some in self.parts():
            other.touch(some)
            self.touch(some)
            self._words[some] = moved(other.words[some], other.layout, self.layout)
        self._hashes[: self.extent] = other.hashes
        self._fill_columns()
        for name, label in self.set_labels.items():
            if other.set_labels.get(name) == label:
                self.sets[name] = other.sets[name]

    def _add(self, users: Iterable[str]) -> None:
        new = list(users)
        rows = [self._free.pop() for _ in range(min(len(self._free), len(new)))]
        first, more = self.extent, len(new) - len(rows)
        self._extend(first + more)
        rows += range(first, first + more)
        self._settle(rows, new)
        if self._file is not None:
            self.touch(np.array(rows, np.int64))
        self._words[rows] = self._initial
        self._begin_columns(rows)
        self._added += rows

    def _settle(self, rows: Sequence[int], users: Sequence[str]) -> None:
        """Give these rows to these users."""
        for row, user in zip(rows, users, strict=True):
            self.users[row] = user
            self.index[user] = row
            self._hashes[row] = crc32(user.encode())

    def _extend(self, extent: int) -> None:
        """See to it that there are so many rows."""
        self._reserve(extent)
        self.users.extend([_NOBODY] * (extent - self.extent))

    def _reserve(self, rows: int) -> None:
        capacity = len(self._words)
        if rows <= capacity:
            return
        if self._file is None:
            capacity = max(_FIRST_CAPACITY, 1 << (rows - 1).bit_length())
            words = np.zeros((capacity, self.layout.width), np.int64)
            words[: len(self._words)] = self._words
        else:
            capacity = max(_FIRST_CAPACITY, self._file.capacity(rows))
            words = self._file.words(capacity * self.layout.width).reshape(capacity, -1)
        hashes = np.zeros(capacity, np.uint32)
        hashes[: len(self._hashes)] = self._hashes
        self._words, self._hashes = words, hashes
        for name, numbers in self._columns.items():
            self._columns[name] = np.zeros(capacity, numbers.dtype)
            self._columns[name][: len(numbers)] = numbers
        self._cells.clear()

    def _cells_of(self, name: str) -> FieldCells:
        place, column = self.layout[name], self._columns.get(name)
        if column is None:
            return FieldCells(self._words, place)
        return ColumnCells(self._words, place, column)

    def _beside_bytes(self) -> int:
        """What users, texts and sets take of memory, by some estimate, but their rows."""
        entries = sum(entries.nbytes for entries in self.sets.values())
        return len(self.index) * _USER_BYTES + len(self.dictionary) * _TEXT_BYTES + entries

    def _begin_columns(self, rows: Rows | list[int]) -> None:
        """Let what is kept of these rows as columns be as in a new one."""
        for name, numbers in self._columns.items():
            numbers[rows] = self._first_in_column[name]

    def _fill_columns(self) -> None:
        """Find in the rows what is kept as columns."""
        for rows in self.parts():
            for name, numbers in self._columns.items():
                place = self.layout[name]
                numbers[rows] = self._words.view(place.dtype)[rows, place.offset]
        self._begin_columns(self._free)


def set_keys(rows: Rows, codes: Ints) -> Ints:
    """The keys under which a set holds (row, code) pairs."""
    return (rows << CODE_BITS) | codes


def set_rows(keys: Ints) -> Rows:
    """The rows of a set's keys."""
    return keys >> CODE_BITS


def set_codes(keys: Ints) -> Ints:
    """The dictionary codes of a set's keys."""
    return keys & ((1 << CODE_BITS) - 1)
