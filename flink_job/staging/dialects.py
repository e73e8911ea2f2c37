"""How a table of text is written: what separates its columns, quotes them, and marks decimals."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

SEPARATORS: Final = (",", ";", "\t", "|")
NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

_SAMPLE: Final = 200  # rows
# Numbers that say which sign is which: 12,5 and 1.249,00; 12.5 and 1,249.00. So 1,249 does not.
_SURE: Final = {
    ",": re.compile(r"\s*[+-]?(?:\d{1,3}(?:\.\d{3})+,\d+|\d{4,},\d+|\d*,(?:\d{1,2}|\d{4,}))\s*"),
    ".": re.compile(r"\s*[+-]?(?:\d{1,3}(?:,\d{3})+\.\d+|\d{4,}\.\d+|\d*\.(?:\d{1,2}|\d{4,}))\s*"),
}
# What is one number with the one sign as the decimal sign, and the other between thousands.
_WRITTEN: Final = {
    ",": re.compile(r"\s*[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d+)?\s*"),
    ".": re.compile(r"\s*[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*"),
}
_OTHER: Final = {",": ".", ".": ","}


@dataclass(frozen=True)
class Dialect:
    """What separates columns; `quote` is None where no sign quotes."""

    separator: str
    quote: str | None = '"'

    def options(self) -> dict[str, Any]:
        """What the csv module is told."""
        if self.quote is None:
            return {"delimiter": self.separator, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.separator, "quotechar": self.quote}


def separator_of(
    lines: Sequence[str], quote: str | None, known: frozenset[str], columns: int | None
) -> str:
    """What separates the columns of some first lines.

    It is what makes the most `known` names of the first line, else the same number of columns, two
    at least, of the most lines, which are so many `columns` if that is known; else the comma.
    """

    def fit(separator: str) -> tuple[int, float, int]:
        rows = _rows(lines, Dialect(separator, quote))
        header = rows[0] if rows else []
        wanted = columns or len(header)
        alike = sum(len(row) == wanted for row in rows) / max(len(rows), 1)
        return len(known & set(header)) if columns is None else 0, alike, len(header)

    fits = {separator: fit(separator) for separator in SEPARATORS}
    made = {separator: found for separator, found in fits.items() if found[2] > 1}
    return max(made, key=lambda separator: made[separator]) if made else ","


def decimal_of(cells: Collection[str]) -> str | None:
    """The decimal sign of cells that are read as numbers; None where they do not say."""
    sure = [sign for sign, form in _SURE.items() if any(map(form.fullmatch, cells))]
    return sure[0] if len(sure) == 1 else None


def with_point(cell: str, decimal: str) -> str:
    """A number with a decimal sign, and perhaps the other between thousands, as `float` reads it.

    Anything else is left as it is.
    """
    if "," not in cell and decimal == ".":
        return cell
    if _WRITTEN[decimal].fullmatch(cell):
        return cell.replace(_OTHER[decimal], "").replace(decimal, ".")
    return cell


def first_rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The rows of some first lines, the last of which may be cut."""
    return _rows(lines, dialect)


def _rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines[:_SAMPLE], **dialect.options()) if row]
    except csv.Error:
        return []
