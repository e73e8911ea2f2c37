"""Images of a table's pages, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints
from operators.pages.layout import Words
from operators.pages.stored import PageImage, encode
from operators.pages.table import UserTable, set_codes, set_rows

_SPARSE_BYTES: Final = 12  # of a word with its position


class Images(Mapping[int, bytes]):
    """The images of some pages by number, to be taken before the next batch.

    Those of a lane are as long as all its rows, so there is one at a time.

    Args:
        table: whose pages they are.
        pages: their numbers, ascending.
        size: how many rows a page has.
        lengths: is told the bytes of each image, as if it had all words.
    """

    def __init__(
        self, table: UserTable, pages: Sequence[int], size: int, lengths: dict[int, int]
    ) -> None:
        self._table, self._lengths = table, lengths
        self._initial = table.layout.initial_row()
        rows, at = table.rows(), np.array(pages, np.int64)
        starts = np.searchsorted(rows, at * size).tolist()
        ends = np.searchsorted(rows, (at + 1) * size).tolist()
        self._rows = {
            page: rows[start:end] for page, start, end in zip(pages, starts, ends, strict=True)
        }
        self._sets = {
            name: _SetsByPage(*entries.items(), size) for name, entries in table.sets.items()
        }

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __getitem__(self, page: int) -> bytes:
        table, rows = self._table, self._rows[page]
        own = {name: entries.of(page) for name, entries in self._sets.items()}
        codes = table.codes_in(rows).union(
            code for keys, _ in own.values() for code in set_codes(keys).tolist()
        )
        positions, words = self._changed(table.words[rows])
        made = PageImage(
            rows=rows.tobytes(),
            users=[table.users[row] for row in rows.tolist()],
            words=words.tobytes(),
            texts=table.dictionary.pairs(sorted(codes)),
            sets={name: (keys.tobytes(), vals.tobytes()) for name, (keys, vals) in own.items()},
            positions=positions.tobytes(),
        )
        image = encode(made)
        self._lengths[page] = len(image) + made.saved(table.layout)
        table.pass_by(rows)
        return image

    def _changed(self, words: Words) -> tuple[NDArray[np.uint32], Words]:
        """Which words are not as in a new row, and those, if that is shorter than all words."""
        at = np.flatnonzero(words != self._initial)
        if len(at) * _SPARSE_BYTES >= words.nbytes:
            return np.zeros(0, np.uint32), words
        return at.astype(np.uint32), words.reshape(-1)[at]


class _SetsByPage:
    """The entries of a set in the order of their pages."""

    def __init__(self, keys: Ints, values: Ints, size: int) -> None:
        pages = set_rows(keys) // size
        order = np.argsort(pages, kind="stable")
        self._keys, self._values, self._pages = keys[order], values[order], pages[order]

    def of(self, page: int) -> tuple[Ints, Ints]:
        """The keys and values that belong to a page."""
        start, end = np.searchsorted(self._pages, [page, page + 1])
        return self._keys[start:end], self._values[start:end]
