"""What of a `UserTable` goes to Flink state, and back.

State of a lane: a head, an image of each page (some hundred rows side by side, whose users mostly
came at about the same time) and a log with one entry for each batch that changed something. An
entry holds the words that changed, not the rows, since rows are wide and a batch changes a few
words of each. When the log has grown as long as the images, `compact` folds it into the images of
the pages that it touched. State that was written by another layout is moved to this one when it is
read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints, Rows, without
from operators.pages.images import Images
from operators.pages.layout import Words
from operators.pages.sets import last_of_each
from operators.pages.stored import (
    FORMAT,
    Entry,
    LaneHead,
    SetChanges,
    Shape,
    encode,
    read_entry,
    read_head,
    read_page,
)
from operators.pages.table import UserTable, set_rows

ROWS_PER_PAGE: Final = 512
_SMALLEST_LOG: Final = 256 * 1024  # bytes; below this a compaction costs more than it saves


@dataclass(frozen=True)
class Compaction:
    """New images by page number, and the head to write beside them; the log is then empty.

    They are made as they are read: before the next batch.
    """

    head: bytes
    pages: Mapping[int, bytes]


class Journal:
    """Follows the changes of one `UserTable` and turns them into state.

    `head` holds named whole numbers of the operator (a clock, a version); they are part of
    every entry.
    """

    def __init__(self, table: UserTable) -> None:
        self.table = table
        self.head: dict[str, int] = {}
        self._pages = 0  # as many numbers were given to pages
        self._image_bytes: dict[int, int] = {}
        self._log_bytes = 0
        self._dirty: set[int] = set()
        self._rows = _NO_ROWS
        self._before: Words = np.zeros((0, table.layout.width), np.int64)
        self._sets: dict[str, list[tuple[Ints, Ints]]] = {}
        self._freed: Rows = _NO_ROWS
        self._has_head = False

    def renew(self, name: str, number: int) -> bool:
        """Put a number into the head; whether another stood there."""
        differs = self.head.get(name, number) != number
        self.head[name] = number
        return differs

    def begin(self, rows: Rows) -> None:
        """Remember these rows, each given once, before a batch changes them."""
        self._rows = rows
        self.table.touch(rows)
        self._before = self.table.words[rows]

    def note(self, name: str, keys: Ints, values: Ints) -> None:
        """Remember that entries of a set were put."""
        self._sets.setdefault(name, []).append((keys, values))
        self._soil(set_rows(keys))

    def free(self, rows: Rows) -> None:
        """Let go of the users in these rows, each given once: the last that a batch does.

        Their rows may be used again, but only by a batch after this one is committed.
        """
        self._soil(rows)
        self.table.free(rows)
        self._freed = np.concatenate([self._freed, rows])

    def first_head(self) -> bytes | None:
        """The head of a lane whose state has none yet, once: it says whose the log is."""
        if self._has_head:
            return None
        self._has_head = True
        return encode(self._lane_head())

    def commit(self) -> bytes:
        """The log entry of what changed since `begin`."""
        table, freed = self.table, self._freed
        positions, words = self._changes()
        # Whoever came and went within the batch leaves no trace.
        came = np.array(table.take_added(), np.int64)
        added = without(came, freed)
        entry = encode(
            Entry(
                head=self.head,
                rows=added.tobytes(),
                users=[table.users[row] for row in added.tolist()],
                texts=table.dictionary.take_given(),
                positions=positions.tobytes(),
                words=words.tobytes(),
                sets={name: _joined(changes, freed) for name, changes in self._sets.items()},
                freed=without(freed, came).tobytes(),
            )
        )
        self._log_bytes += len(entry)
        self._soil(self._rows)
        self._sets.clear()
        self.begin(_NO_ROWS)
        self._freed = _NO_ROWS
        return entry

    def drop(self, name: str, dropped: NDArray[np.bool_]) -> None:
        """Drop those entries of `sets[name].items()`; to be called only before `compact`.

        Their pages are written anew, so that no image brings them back.
        """
        if not np.any(dropped):
            return
        keys, _ = self.table.sets[name].items()
        self._soil(set_rows(keys[dropped]))
        self.table.sets[name].keep(~dropped)

    def due(self) -> bool:
        """Whether the log has grown so long that it is time to `compact`.

        As long as the images, if these had all words: to make one takes the reading of all.
        """
        return self._log_bytes > max(_SMALLEST_LOG, sum(self._image_bytes.values()))

    def compact(self) -> Compaction:
        """New images of the pages that the log touched. The caller writes them, empties the log."""
        table = self.table
        table.forget_unused_texts()
        images = Images(table, sorted(self._dirty), ROWS_PER_PAGE, self._image_bytes)
        self._pages = max(self._pages, -(-table.extent // ROWS_PER_PAGE))
        self._log_bytes = 0
        self._dirty.clear()
        return Compaction(encode(self._lane_head()), images)

    def restore(self, head: bytes | None, pages: Iterable[bytes], log: Iterable[bytes]) -> bool:
        """Fill the empty table from state. True says that it is to be compacted at once.

        Raises:
            FlockwiseError: the state was written in a format that is not this one.
        """
        lane = None if head is None else read_head(head)
        if lane is None or lane.shape == Shape.of(self.table):
            self._fill(lane, pages, log)
            if lane is None or lane.format == FORMAT:
                return False
            self._renew_pages()
            return True
        past = Journal(lane.shape.table(self.table.budget))
        past._fill(lane, pages, log)
        self.adopt(past)
        return True

    def adopt(self, past: Journal) -> None:
        """Go on, with an empty table, where a journal of another layout has come to.

        All pages have to be written anew: to be followed by `compact`.
        """
        self.table.adopt(past.table)
        self.head, self._pages, self._has_head = past.head, past._pages, True
        self._renew_pages()

    def _renew_pages(self) -> None:
        """Have all pages written anew, also those that have no rows any more."""
        self._image_bytes.clear()
        self._dirty = set(range(max(self._pages, -(-self.table.extent // ROWS_PER_PAGE))))

    def _fill(self, lane: LaneHead | None, pages: Iterable[bytes], log: Iterable[bytes]) -> None:
        if lane is not None:
            self._has_head = True
            self._pages, self.head = lane.pages, lane.head
        for page in pages:
            self._restore_page(page)
        for entry in log:
            self._restore_entry(entry)
        self.table.filled()

    def _changes(self) -> tuple[NDArray[np.generic], Words]:
        after = self.table.words[self._rows]
        differs = self._before != after
        if len(self._freed):  # seldom, and looking through none takes its time, too
            differs[np.isin(self._rows, self._freed)] = False
        # One dimension is several times as fast as nonzero with two.
        at = np.flatnonzero(differs)
        which, word = np.divmod(at, max(self.table.layout.width, 1))
        positions = self._rows[which] * self.table.layout.width + word
        fits = self.table.extent * self.table.layout.width <= np.iinfo(np.uint32).max
        return positions.astype(np.uint32 if fits else np.int64), after.reshape(-1)[at]

    def _soil(self, rows: Rows) -> None:
        """The pages of these rows have to be written anew."""
        self._dirty.update((rows // ROWS_PER_PAGE).tolist())

    def _lane_head(self) -> LaneHead:
        return LaneHead(FORMAT, Shape.of(self.table), self._pages, self.head)

    def _restore_page(self, image: bytes) -> None:
        page = read_page(image)
        rows = np.frombuffer(page.rows, np.int64)
        layout = self.table.layout
        self.table.place(rows, page.users, page.words_by(layout))
        self._restore_codes(page.texts, page.sets)
        if page.users:
            self._image_bytes[int(rows[0]) // ROWS_PER_PAGE] = len(image) + page.saved(layout)

    def _restore_entry(self, encoded: bytes) -> None:
        entry = read_entry(encoded)
        table = self.table
        if entry.users:
            rows = np.frombuffer(entry.rows, np.int64)
            initial = np.broadcast_to(table.layout.initial_row(), (len(rows), table.layout.width))
            table.place(rows, entry.users, initial)
        words = np.frombuffer(entry.words, np.int64)
        wide = len(entry.positions) == len(entry.words)
        positions = np.frombuffer(entry.positions, np.int64 if wide else np.uint32)
        changed = np.unique(positions.astype(np.int64) // max(table.layout.width, 1))
        table.touch(changed)
        table.words.reshape(-1)[positions] = words
        self._restore_codes(entry.texts, entry.sets)
        self.head = entry.head
        self._log_bytes += len(encoded)
        self._soil(changed)
        for keys, _ in entry.sets.values():
            self._soil(set_rows(np.frombuffer(keys, np.int64)))
        freed = np.frombuffer(entry.freed, np.int64)
        self._soil(freed)
        table.free(freed)

    def _restore_codes(
        self, texts: Iterable[tuple[int, str]], sets: Mapping[str, SetChanges]
    ) -> None:
        for code, text in texts:
            self.table.dictionary.hold(code, text)
        for name, (keys, values) in sets.items():
            self.table.sets[name].put(
                np.frombuffer(keys, np.int64), np.frombuffer(values, np.int64)
            )


_NO_ROWS: Final[Rows] = np.zeros(0, np.int64)


def _joined(changes: list[tuple[Ints, Ints]], freed: Rows) -> SetChanges:
    """Later entries win, and a key stands once, as `IntMap.put` wants; none of a freed row."""
    keys = np.concatenate([keys for keys, _ in changes])
    values = np.concatenate([values for _, values in changes])
    last = last_of_each(keys)
    if len(freed):
        last = last[~np.isin(set_rows(keys[last]), freed)]
    return keys[last].tobytes(), values[last].tobytes()
