"""Rows of a table of text, each with the line that it begins on; a quote left open harms one.

A row of one line is read as the csv module reads it. One that goes over several lines must be
whole: as many columns as there are, every quote closed before a separator or the line's end. Else
its first line alone is a broken row, and the next line begins another.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flink_job.staging.dialects import Dialect

_LONGEST_FIELD: Final = 64 * 1024 * 1024  # bytes of a field; the default of 128 KiB is an error


@dataclass(frozen=True)
class OpenQuote:
    """The first line of a row in which a quote is not closed."""

    line: int
    text: str


def read_rows(
    lines: Iterator[str], dialect: Dialect, columns: int | None
) -> Iterator[list[str] | OpenQuote]:
    """The rows of lines, of so many columns; by default as many as the first, which is whole."""
    csv.field_size_limit(_LONGEST_FIELD)
    return _Rows(_Lines(lines), dialect, columns).read()


class _Lines:
    """Lines, those of the row that is being read kept in `taken`, so that they can come again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.taken: list[str] = []
        self.number = 0  # of the newest of them
        self.ended = False  # whether one more was asked for than there are

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> OpenQuote:
        rest = self.taken[1:]
        self.number -= len(rest)
        self._again.extend(reversed(rest))
        self.ended = False
        first = self.taken[0].rstrip("\r\n")
        self.taken.clear()
        return OpenQuote(self.number, first)


class _Rows:
    def __init__(self, lines: _Lines, dialect: Dialect, columns: int | None) -> None:
        self._lines = lines
        self._options = dialect.options()
        self._columns = columns

    def read(self) -> Iterator[list[str] | OpenQuote]:
        lines, taken = self._lines, self._lines.taken
        while True:
            try:
                for row in csv.reader(lines, **self._options):
                    if (len(taken) > 1 or lines.ended) and not self._whole(row, taken):
                        break
                    if self._columns is None and row:
                        self._columns = len(row)
                    yield row
                    taken.clear()
                else:
                    return
            except csv.Error:  # a field is longer than any may be
                pass
            yield lines.give_back_all_but_first()

    def _whole(self, row: Sequence[str], taken: Sequence[str]) -> bool:
        if self._lines.ended or (self._columns is not None and len(row) != self._columns):
            return False
        try:
            return len(list(csv.reader(taken, strict=True, **self._options))) == 1
        except csv.Error:
            return False
