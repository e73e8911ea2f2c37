"""What a lane's state looks like in bytes: its head, its pages, and the entries of its log."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from operators.base.errors import FlockwiseError
from operators.pages.layout import Field, Layout, Words
from operators.pages.memory import Budget
from operators.pages.table import UserTable

FORMAT: Final = 4
_BY_HASH: Final = 3  # pages were of users with the same finer hash; all else was the same

SetChanges = tuple[bytes, bytes]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What one batch changed, in this order: new users, words, sets, and rows that became free.

    `rows` are those of the new users, `freed` those of users who went, int64 both. `positions`
    are flat word indices, uint32 or int64.
    """

    head: dict[str, int]
    rows: bytes
    users: list[str]
    texts: list[tuple[int, str]]
    positions: bytes
    words: bytes
    sets: dict[str, SetChanges]
    freed: bytes


class PageImage(msgspec.Struct, frozen=True, array_like=True):
    """All users of one page, which are those of some rows. It needs no other page to be read.

    `words` are all of the rows, or those that are not as in a new row: then `positions` says which
    they are, uint32, of [rows, width]. Of most users that is the shorter way by far.
    """

    rows: bytes
    users: list[str]
    words: bytes
    texts: list[tuple[int, str]]
    sets: dict[str, SetChanges]
    positions: bytes = b""

    def words_by(self, layout: Layout) -> Words:
        """The words of all rows, int64[rows, width]."""
        words = np.frombuffer(self.words, np.int64)
        if len(self.words) == len(self.rows) * layout.width:
            return words.reshape(-1, layout.width)
        rows = np.tile(layout.initial_row(), (len(self.rows) // 8, 1))
        rows.reshape(-1)[np.frombuffer(self.positions, np.uint32)] = words
        return rows

    def saved(self, layout: Layout) -> int:
        """How many bytes shorter it is than with all words."""
        return len(self.rows) * layout.width - len(self.words) - len(self.positions)


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """The layout by which rows were written, and the labels of the sets beside them.

    A field is its name, type and number of numbers, and the labels of its parts; `initial` the
    words of a new row.
    """

    fields: list[tuple[str, str, int, list[str]]]
    initial: bytes
    sets: dict[str, str]

    @classmethod
    def of(cls, table: UserTable) -> Shape:
        """The shape of a table's rows."""
        layout = table.layout
        fields = [(f.name, f.dtype, f.length, list(f.labels)) for f in layout]
        return cls(fields, layout.initial_row().tobytes(), table.set_labels)

    def table(self, budget: Budget | None) -> UserTable:
        """An empty table of this shape."""
        fields = [
            Field(name, dtype, length, labels=tuple(labels))
            for name, dtype, length, labels in self.fields
        ]
        return UserTable(Layout(fields, np.frombuffer(self.initial, np.int64)), self.sets, budget)


class LaneHead(msgspec.Struct, frozen=True, array_like=True):
    """What a lane's images were written by, and the small numbers that the operator keeps.

    No page has a number of `pages` or above.
    """

    format: int
    shape: Shape
    pages: int
    head: dict[str, int]


encode = msgspec.msgpack.Encoder().encode
read_entry = msgspec.msgpack.Decoder(Entry).decode
read_page = msgspec.msgpack.Decoder(PageImage).decode
_decode_head = msgspec.msgpack.Decoder(LaneHead).decode


def read_head(encoded: bytes) -> LaneHead:
    """The head of a lane's state.

    Raises:
        FlockwiseError: the state was written in a format that is not this one.
    """
    # The format stands first, and decides whether the rest can be read.
    found = msgspec.msgpack.decode(encoded)[0]
    if found not in (_BY_HASH, FORMAT):
        raise FlockwiseError(
            f"the state was written in format {found}, this version reads {_BY_HASH} and {FORMAT}: "
            "resume with the version that wrote it, or start afresh"
        )
    return _decode_head(encoded)
