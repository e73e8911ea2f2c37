"""Images of a table's pages, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints
from operators.pages.stored import PageImage, encode
from operators.pages.table import UserTable, set_codes, set_rows

SizeOf = dict[int, int]  # bytes by page


class Images(Mapping[int, bytes]):
    """The images of some pages by number, to be taken before the next batch.

    Those of a lane are as long as all its rows, so there is one at a time.

    Args:
        table: whose pages they are.
        pages: their numbers, ascending.
        page_of: the page of each row, uint32[extent].
        sizes: is told how long each image is.
    """

    def __init__(
        self, table: UserTable, pages: Sequence[int], page_of: NDArray[np.uint32], sizes: SizeOf
    ) -> None:
        self._table, self._sizes = table, sizes
        rows = table.rows()
        self._rows = rows[np.argsort(page_of[rows], kind="stable")]
        own = page_of[self._rows]
        starts = np.searchsorted(own, pages).tolist()
        ends = np.searchsorted(own, pages, side="right").tolist()
        self._spans = {
            page: slice(start, end) for page, start, end in zip(pages, starts, ends, strict=True)
        }
        self._sets = {
            name: _SetsByPage(*entries.items(), page_of) for name, entries in table.sets.items()
        }

    def __len__(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[int]:
        return iter(self._spans)

    def __getitem__(self, page: int) -> bytes:
        table, rows = self._table, self._rows[self._spans[page]]
        own = {name: entries.of(page) for name, entries in self._sets.items()}
        codes = table.codes_in(rows).union(
            code for keys, _ in own.values() for code in set_codes(keys).tolist()
        )
        image = encode(
            PageImage(
                rows=rows.tobytes(),
                users=[table.users[row] for row in rows.tolist()],
                words=table.words[rows].tobytes(),
                texts=table.dictionary.pairs(sorted(codes)),
                sets={name: (keys.tobytes(), vals.tobytes()) for name, (keys, vals) in own.items()},
            )
        )
        self._sizes[page] = len(image)
        return image


class _SetsByPage:
    """The entries of a set in the order of their pages."""

    def __init__(self, keys: Ints, values: Ints, page_of: NDArray[np.uint32]) -> None:
        pages = page_of[set_rows(keys)]
        order = np.argsort(pages, kind="stable")
        self._keys, self._values, self._pages = keys[order], values[order], pages[order]

    def of(self, page: int) -> tuple[Ints, Ints]:
        """The keys and values that belong to a page."""
        start, end = np.searchsorted(self._pages, [page, page + 1])
        return self._keys[start:end], self._values[start:end]
